using System.Security.Cryptography;
using System.Text;

namespace Melanoma.Storage;

/// <summary>
/// Keys of the advisory locks that replicas of a service take before they change what only one may change at a time. They
/// share one space with the locks of deliveries, whose lowest byte is 0x80 to 0xBF; ASCII never is, nor 0xFF.
/// </summary>
public static class AdvisoryLocks
{
    /// <summary>Writing the catalogue (Ingestion): "catalogu" in ASCII.</summary>
    public const long Catalogue = 0x636174616C6F6775;

    /// <summary>Changing which model version is in production (Inference): "promoted" in ASCII.</summary>
    public const long Promotions = 0x70726F6D6F746564;

    /// <summary>Judging candidates (Inference): "deciding" in ASCII.</summary>
    public const long Deciding = 0x6465636964696E67;

    /// <summary>Sealing audit rows (Inference), and dropping a month of them (the database's <c>drop_audit_month</c>): "sealings" in ASCII.</summary>
    public const long Sealing = 0x7365616C696E6773;

    /// <summary>Deleting what is kept for a time only (Inference): "retained" in ASCII.</summary>
    public const long Retention = 0x72657461696E6564;

    /// <summary>Registering the bundled model (Training): "bundledm" in ASCII.</summary>
    public const long BundledModel = 0x62756E646C65646D;

    /// <summary>Working a watched folder (Ingestion): one key for each folder.</summary>
    /// <param name="folder">Its full path.</param>
    public static long DropFolder(string folder) => BitConverter.ToInt64(SHA256.HashData(Encoding.UTF8.GetBytes(folder))) | 0xFF;
}
