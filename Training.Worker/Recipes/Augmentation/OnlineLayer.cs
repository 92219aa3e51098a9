using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>A random change of a batch of training images [N,H,W,3], pixels 0-255, drawn anew for each image.</summary>
internal abstract record OnlineLayer
{
    /// <summary>What happens to the chosen images.</summary>
    /// <param name="x">Floats [n,3,H,W], pixels 0-255.</param>
    /// <param name="count">How many there are.</param>
    /// <returns>The same shape.</returns>
    private protected delegate Tensor Change(Tensor x, int count, ref SplitMix64 random);

    /// <summary>Whether it turns, mirrors, cuts or scales pictures, so that what lies at a place afterwards lay elsewhere before.</summary>
    public virtual bool MovesPlaces => false;

    /// <summary>The changed batch, bytes or floats.</summary>
    public abstract Tensor Apply(Tensor images, ref SplitMix64 random);

    /// <summary>The same layer where the network sees pictures of another side than usual.</summary>
    /// <param name="side">In pixels.</param>
    public virtual OnlineLayer At(int side) => this;

    /// <summary>Changes some images of a batch and leaves the others as they are.</summary>
    /// <param name="probability">Of an image's being changed.</param>
    private protected static Tensor Some(Tensor images, double probability, ref SplitMix64 random, Change change)
    {
        var chosen = new List<long>();
        for (var i = 0; i < images.shape[0]; i++)
        {
            if (random.NextDouble() < probability)
            {
                chosen.Add(i);
            }
        }

        if (chosen.Count == 0)
        {
            return images;
        }

        var all = images.to(ScalarType.Float32);
        var places = tensor(chosen.ToArray()).to(images.device, non_blocking: true);
        var changed = change(all.index_select(0, places).permute(0, 3, 1, 2), chosen.Count, ref random).permute(0, 2, 3, 1);
        return all.index_copy(0, places, changed);
    }

    /// <summary>One number per image, drawn evenly between two, as [n,1,1,1].</summary>
    private protected static Tensor Draw(int count, double low, double high, ref SplitMix64 random, Device device) => Draw(count, 1, low, high, ref random, device);

    /// <summary>One number per image and channel, drawn evenly between two, as [n,channels,1,1].</summary>
    private protected static Tensor Draw(int count, int channels, double low, double high, ref SplitMix64 random, Device device)
    {
        var numbers = new float[count * channels];
        foreach (ref var number in numbers.AsSpan())
        {
            number = random.Between(low, high);
        }

        return tensor(numbers, [count, channels, 1, 1]).to(device, non_blocking: true);
    }

    /// <summary>Chooses per image between two batches.</summary>
    private protected static Tensor Either(Tensor when, Tensor otherwise, Func<bool> draw)
    {
        var chosen = new bool[when.shape[0]];
        for (var i = 0; i < chosen.Length; i++)
        {
            chosen[i] = draw();
        }

        return where(tensor(chosen, [chosen.Length, 1, 1, 1]).to(when.device, non_blocking: true), when, otherwise);
    }

    /// <summary>Looks each place of the output up in the input by bilinear interpolation; beyond the edge the picture is mirrored (Keras' "reflect").</summary>
    /// <param name="matrices">Two rows of three numbers per image that map output to input places, both in -1..1 about the centre.</param>
    private protected static Tensor Resample(Tensor images, float[] matrices) => Resample(images, matrices, (int)images.shape[1]);

    /// <inheritdoc cref="Resample(Tensor, float[])"/>
    /// <param name="side">Side of what comes out, in pixels.</param>
    private protected static Tensor Resample(Tensor images, float[] matrices, int side)
    {
        var x = images.to(ScalarType.Float32).permute(0, 3, 1, 2);
        var grid = nn.functional.affine_grid(tensor(matrices, [x.shape[0], 2, 3]).to(x.device, non_blocking: true), [x.shape[0], x.shape[1], side, side], align_corners: false);
        return nn.functional.grid_sample(x, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Reflection, align_corners: false).permute(0, 2, 3, 1);
    }
}
