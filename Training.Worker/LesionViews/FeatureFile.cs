using System.Runtime.InteropServices;
using Melanoma.Training.Images;
using Microsoft.Win32.SafeHandles;

namespace Melanoma.Training.LesionViews;

/// <summary>
/// The keypoints of many pictures, in a file without a name that is gone with its handle: at 40 KB a picture they are too much to hold for a large dataset.
/// </summary>
internal sealed class FeatureFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly List<(long At, int Keypoints)> _places = [];
    private long _length;

    private FeatureFile(SafeFileHandle handle) => _handle = handle;

    /// <summary>Makes an empty one.</summary>
    /// <param name="folder">A folder that only its user can write; made if it is not there.</param>
    /// <exception cref="IOException">It cannot be made there.</exception>
    public static FeatureFile Create(string folder)
    {
        PrivateFolder.Create(folder);
        var path = Path.Combine(folder, $"keypoints-{Guid.NewGuid():N}.tmp");
        var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete);

        // Nameless from the beginning, so that nothing is left of it whatever ends this process.
        File.Delete(path);
        return new FeatureFile(handle);
    }

    /// <summary>Adds those of the next picture. Not to be called while another thread adds or reads.</summary>
    public void Add(LocalFeatures features)
    {
        Keypoint[] keypoints = [.. features.Keypoints];
        var bytes = MemoryMarshal.AsBytes(keypoints.AsSpan());
        RandomAccess.Write(_handle, bytes, _length);
        RandomAccess.Write(_handle, features.Descriptors, _length + bytes.Length);
        _places.Add((_length, keypoints.Length));
        _length += bytes.Length + features.Descriptors.Length;
    }

    /// <summary>Those of a picture, counted from 0 in the order in which they were added. Several threads may read.</summary>
    /// <exception cref="IOException">They cannot be read.</exception>
    public LocalFeatures Read(int picture)
    {
        var (at, count) = _places[picture];
        var keypoints = new Keypoint[count];
        var descriptors = new byte[count * LocalFeatures.DescriptorLength];
        Fill(MemoryMarshal.AsBytes(keypoints.AsSpan()), at);
        Fill(descriptors, at + (count * (long)Marshal.SizeOf<Keypoint>()));
        return new LocalFeatures(keypoints, descriptors);
    }

    public void Dispose() => _handle.Dispose();

    private void Fill(Span<byte> target, long at)
    {
        while (target.Length > 0)
        {
            var read = RandomAccess.Read(_handle, target, at);
            if (read == 0)
            {
                throw new EndOfStreamException("The file of keypoints ended early.");
            }

            target = target[read..];
            at += read;
        }
    }
}
