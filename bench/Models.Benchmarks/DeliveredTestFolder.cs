using System.IO.Compression;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Exports;
using nietras.SeparatedValues;

namespace Melanoma.Training.Models;

/// <summary>The Test folder of the nine-class delivery three ways: as it is labelled, settled, and without what leaks from its Train folder.</summary>
internal static class DeliveredTestFolder
{
    public static void Write(ServedModel model, string data, Action<string, VocabularyFigures> row)
    {
        Console.WriteLine("\n## The delivery's Test folder, the nine diagnoses\n\n| labels | images | lesions | accuracy | balanced accuracy | melanoma AUC |\n| --- | --- | --- | --- | --- | --- |");
        using var archive = ZipFile.OpenRead(Path.Combine(data, "isic9.zip"));
        using var table = Sep.New(',').Reader(options => options with { Unescape = true, DisableColCountCheck = true }).FromFile(Path.Combine(data, "labels.csv"));
        var (labelled, settled, clean, files) = (new List<ExportedImage>(), new List<ExportedImage>(), new List<bool>(), new List<byte[]>());
        foreach (var line in table)
        {
            if (line["split"].ToString() != "Test")
            {
                continue;
            }

            labelled.Add(Row(line["folder"].ToString(), line["isic_id"].ToString()));
            settled.Add(Row(line["adjudicated"].ToString(), line["isic_id"].ToString()));
            clean.Add(line["dup_other_split"].ToString() == "0" && line["lesion_other_split"].ToString() == "0");
            using var stream = archive.GetEntry(line["file"].ToString())!.Open();
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            files.Add(bytes.ToArray());
        }

        int[] all = [.. Enumerable.Range(0, files.Count)];
        row("as labelled", Judge(labelled, all));
        row("settled", Judge(settled, all));
        row("settled, clean ones alone", Judge(settled, [.. all.Where(i => clean[i])]));

        VocabularyFigures Judge(List<ExportedImage> rows, int[] places)
        {
            var pictures = TestPictures.Of([.. places.Select(i => rows[i])], [.. places.Select(i => files[i])]);
            return Judgement.Of(model.Rule, model.Properties.ClassPrior, model.Ask(pictures.Squares(model.Side)).Logits, pictures.Samples).VocabularyFigures(seed: 1);
        }

        static ExportedImage Row(string name, string id) => new(
            "", "", Split.Test, Diagnoses.TryParse(name, out var diagnosis) ? DiagnosisSet.Of(diagnosis) : throw new InvalidDataException($"'{name}' is no diagnosis."), id, [id], "", "", "", "", "");
    }
}
