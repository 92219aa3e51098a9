using System.IO.Compression;
using Melanoma.Cli.Commands;
using Melanoma.Cli.Output;

namespace Melanoma.UnitTests.CommandLine;

public sealed class DeliverySourceTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("melanoma-cli-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(".", "Train/nevus/a.jpg")]
    [InlineData("Train", "Train/nevus/a.jpg")]
    [InlineData("Train/nevus", "Train/nevus/a.jpg")]
    [InlineData("Train/nevus/a.jpg", "Train/nevus/a.jpg")]
    public void Should_keep_split_and_class_when_only_a_part_of_the_tree_is_named(string path, string name)
    {
        Write("Train/nevus/a.jpg");
        var source = DeliverySource.Find(Path.Combine(_folder.FullName, path), name: null);
        Assert.Equal([name], source.Files.Select(file => file.Name));
    }

    [Fact]
    public void Should_leave_out_what_file_managers_leave_behind_when_a_folder_is_listed()
    {
        Write("Train/nevus/a.jpg");
        Write("Train/nevus/.DS_Store");
        Write("__MACOSX/Train/nevus/a.jpg");
        Write(".git/config");
        Write("Train/nevus/Thumbs.db");
        Assert.Single(DeliverySource.Find(_folder.FullName, name: null).Files);
    }

    [Fact]
    public void Should_not_go_in_circles_when_a_folder_links_to_itself()
    {
        Write("Train/nevus/a.jpg");
        Directory.CreateSymbolicLink(Path.Combine(_folder.FullName, "Train", "again"), _folder.FullName);
        Assert.Single(DeliverySource.Find(_folder.FullName, name: null).Files);
    }

    [Fact]
    public void Should_refuse_with_a_sentence_when_there_is_nothing() =>
        Assert.Throws<CommandFailure>(() => DeliverySource.Find(_folder.FullName, name: null));

    [Fact]
    public void Should_count_what_the_report_will_have_when_archives_say_how_much_they_hold()
    {
        Write("Train/nevus/a.jpg");
        Write("labels.csv");
        using (var archive = ZipFile.Open(Path.Combine(_folder.FullName, "more.zip"), ZipArchiveMode.Create))
        {
            archive.CreateEntry("Train/melanoma/");
            archive.CreateEntry("Train/melanoma/b.jpg");
            archive.CreateEntry("Train/melanoma/c.jpg");
        }

        Assert.Equal(4, DeliverySource.Find(_folder.FullName, name: null).CountEntries());

        Write("broken.zip");
        Assert.Null(DeliverySource.Find(Path.Combine(_folder.FullName, "broken.zip"), name: null).CountEntries());
        Write("more.tar.gz");
        Assert.Null(DeliverySource.Find(Path.Combine(_folder.FullName, "more.tar.gz"), name: null).CountEntries());
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(1, 1, 40)]
    [InlineData(0.5, 1, 20)]
    [InlineData(3, 0, 0)]
    public void Should_draw_a_bar_in_proportion_when_there_is_a_largest(double value, double maximum, int width) =>
        Assert.Equal(new string('█', width), Bars.Draw(value, maximum));

    [Theory]
    [InlineData("▁▅█", 0.25, 0.5, 0.75)]
    [InlineData("▁▁", 0.5, 0.5)]
    public void Should_draw_a_line_from_the_smallest_to_the_largest_when_values_follow_each_other(string line, params double[] values) =>
        Assert.Equal(line, Bars.Line(values));

    private void Write(string path)
    {
        var full = Path.Combine(_folder.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, "picture");
    }
}
