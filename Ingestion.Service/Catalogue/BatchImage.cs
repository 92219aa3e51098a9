using Melanoma.Contracts;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.NearDuplicates;
using Melanoma.Ingestion.Tables;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>A distinct image of a batch, with every file of it and what the catalogue knows of it.</summary>
internal sealed class BatchImage(IReadOnlyList<JudgedFile> files)
{
    /// <summary>Who makes the claims that class folders make.</summary>
    public const string FolderClaimant = "folder";

    private readonly Guid _newId = Guid.CreateVersion7();

    public IReadOnlyList<JudgedFile> Files { get; } = files;

    public string Hash { get; } = Convert.ToHexString(files[0].Sha256);

    /// <summary>The image as the catalogue has it; null for a new one.</summary>
    public KnownImage? Known { get; set; }

    public Guid Id => Known?.Id ?? _newId;

    /// <summary>What the bytes of a new image show.</summary>
    /// <exception cref="InvalidOperationException">It was recognised when it came, and has gone since.</exception>
    public Picture NewPicture => Files[0].Picture ?? throw new InvalidOperationException($"Image {Hash} was recognised and has gone since.");

    /// <summary>Where it was delivered first.</summary>
    public string FirstPath => Known?.FirstPath ?? Files[0].File.ReportedPath;

    /// <summary>Every ISIC id that it has now.</summary>
    public IReadOnlyCollection<string> IsicIds { get; } = [.. files.SelectMany(file => file.File.Path!.IsicIds).Distinct()];

    public bool DeliveredAsTest { get; } = files.Any(file => file.File.Path!.Split == Split.Test);

    public DiagnosisSet FolderDiagnoses { get; } =
        DiagnosisSet.Of([.. files.Select(file => file.File.Path!.Diagnosis).OfType<Diagnosis>()]);

    /// <summary>Whether it is new, or these files say something of it that the catalogue does not know yet.</summary>
    public bool IsNews => Known is not { } known
        || (!known.IsForgotten && (IsicIds.Any(id => !known.IsicIds.Contains(id)) || !known.FolderDiagnoses.Contains(FolderDiagnoses) || (DeliveredAsTest && !known.DeliveredAsTest)));

    /// <summary>The claims that its folders make.</summary>
    public IEnumerable<TableClaim> FolderClaims =>
        FolderDiagnoses.Members.Select(diagnosis => new TableClaim(new Claim(ClaimRank.Folder, DiagnosisSet.Of(diagnosis)), FolderClaimant));

    /// <summary>What tables say of its ids.</summary>
    public IReadOnlyCollection<MetadataRow> Rows { get; set; } = [];

    /// <summary>Every claim that is made of it by its folders here and by tables.</summary>
    public IEnumerable<TableClaim> Claims => FolderClaims.Concat(Rows.Select(MetadataRows.ClaimOf).OfType<TableClaim>());

    /// <summary>The images that it is a near-duplicate of.</summary>
    public List<NearDuplicatePair> NearDuplicates { get; } = [];

    public Guid GroupId { get; set; }
}
