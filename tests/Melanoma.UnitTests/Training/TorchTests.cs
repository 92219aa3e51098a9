using static TorchSharp.torch;

namespace Melanoma.UnitTests.Training;

/// <summary>Tests that run TorchSharp share its random generator, thread count and live tensors, so they run one after another.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class TorchTests : ICollectionFixture<OneTorchThread>
{
    public const string Name = "Torch";
}

public sealed class OneTorchThread
{
    public OneTorchThread() => set_num_threads(1);
}
