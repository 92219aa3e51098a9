using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Lets libLibTorchSharp.so load where the system's libstdc++ is older than GLIBCXX_3.4.32, by editing the copy in the output folder.
/// Leaves the file alone where the system is new enough or where anything is not exactly as expected.
/// </summary>
public sealed class FitTorchSharpToOlderLibstdcxx : Task
{
    private const string NewVersion = "GLIBCXX_3.4.32";
    private const string OldVersion = "GLIBCXX_3.4.20";

    [Required]
    public string Library { get; set; } = "";

    public override bool Execute()
    {
        if (!File.Exists(Library) || !SystemIsTooOld())
            return true;
        var bytes = File.ReadAllBytes(Library);
        var edits = new[]
        {
            // Needless stream initialisation; any symbol of an old version that takes no arguments serves as the stand-in.
            (From: Text("_ZSt21ios_base_library_initv"), To: Text("_ZSt15get_new_handlerv")),
            (From: Text(NewVersion), To: Text(OldVersion)),
            (From: BitConverter.GetBytes(ElfHash(NewVersion)), To: BitConverter.GetBytes(ElfHash(OldVersion))),
        };
        var places = new List<(int At, byte[] From, byte[] To)>();
        foreach (var (from, to) in edits)
        {
            var at = OnlyIndexOf(bytes, from);
            if (at < 0)
            {
                Log.LogMessage(MessageImportance.Low, "{0} is left as it is: it does not hold each string to be replaced exactly once.", Library);
                return true;
            }
            places.Add((at, from, to));
        }
        foreach (var (at, from, to) in places)
        {
            Array.Clear(bytes, at, from.Length);
            Array.Copy(to, 0, bytes, at, to.Length);
        }

        // The file may be a hard link into the package cache: a new file takes over the name, the old bytes are never touched.
        var written = File.GetLastWriteTimeUtc(Library);
        var temporary = Library + "." + Guid.NewGuid().ToString("N") + ".tmp";
        File.WriteAllBytes(temporary, bytes);
        File.SetLastWriteTimeUtc(temporary, written);
        File.Replace(temporary, Library, null);
        Log.LogMessage(MessageImportance.Normal, "{0} was fitted to the system's libstdc++.", Library);
        return true;
    }

    /// <summary>True when the libstdc++ that the loader would find lacks the version that the library asks for.</summary>
    private static bool SystemIsTooOld()
    {
        var folders = new List<string>((Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split(new[] { ':' }, StringSplitOptions.RemoveEmptyEntries));
        folders.AddRange(new[] { "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib" });
        foreach (var folder in folders)
        {
            var candidate = Path.Combine(folder, "libstdc++.so.6");
            if (File.Exists(candidate))
                return IndexOf(File.ReadAllBytes(candidate), Text(NewVersion), 0) < 0;
        }
        return false;
    }

    private static byte[] Text(string value)
    {
        return Encoding.ASCII.GetBytes("\0" + value + "\0");
    }

    private static int OnlyIndexOf(byte[] bytes, byte[] sought)
    {
        var first = IndexOf(bytes, sought, 0);
        return first >= 0 && IndexOf(bytes, sought, first + 1) < 0 ? first : -1;
    }

    private static int IndexOf(byte[] bytes, byte[] sought, int from)
    {
        for (var i = from; i <= bytes.Length - sought.Length; i++)
        {
            var j = 0;
            while (j < sought.Length && bytes[i + j] == sought[j])
                j++;
            if (j == sought.Length)
                return i;
        }
        return -1;
    }

    /// <summary>The hash of a version's name in an ELF file (System V ABI, "Hash Table").</summary>
    private static uint ElfHash(string name)
    {
        uint hash = 0;
        foreach (var c in name)
        {
            hash = (hash << 4) + c;
            var high = hash & 0xf0000000;
            hash ^= high >> 24;
            hash &= ~high;
        }
        return hash;
    }
}
