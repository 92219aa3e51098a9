using Melanoma.Training.Images;

namespace Melanoma.UnitTests.Training;

public sealed class PrivateFolderTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("melanoma-test-");

    [Fact]
    public void Should_be_the_owners_alone_when_it_is_made()
    {
        var path = Path.Combine(_parent.FullName, "one", "two");
        PrivateFolder.Create(path);
        PrivateFolder.Create(path);

        Assert.Equal(OwnerOnly, Mode(path));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Should_be_refused_when_others_can_write_it(UnixFileMode others)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes.");
        var path = Path.Combine(_parent.FullName, "shared");
        Directory.CreateDirectory(path);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, OwnerOnly | others);

        Assert.Contains("0700", PrivateFolder.Refusal(path), StringComparison.Ordinal);
        Assert.Throws<IOException>(() => PrivateFolder.Create(path));
    }

    public void Dispose() => _parent.Delete(recursive: true);

    private static UnixFileMode Mode(string path) => OperatingSystem.IsWindows() ? OwnerOnly : File.GetUnixFileMode(path);
}
