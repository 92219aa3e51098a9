using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Inference.Models;
using Melanoma.Testing;
using Melanoma.UnitTests.Imaging;
using Melanoma.UnitTests.Training;
using Microsoft.ML.OnnxRuntime;

namespace Melanoma.UnitTests.Inference;

/// <summary>One after another with nothing beside: other tests would drop what the filter keeps.</summary>
[Collection(TorchTests.Name)]
public sealed class LoadedModelTests
{
    private const int Warm = 30;
    private const int Counted = 50;
    private const double MostBytes = 6 * 1024;

    [Theory]
    [InlineData("None")]
    [InlineData("Views")]
    public void Should_allocate_next_to_nothing_an_image_when_it_is_warm(string extra)
    {
        var session = new InferenceSession(Path.Combine(Repository.Root, "models", "model.onnx"));
        var model = new LoadedModel(1, session, ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap), ExecutionProvider.Cpu);
        try
        {
            var picture = ImageEncoder.EncodeJpeg(TestPictures.Ramp(600, 450), 90);
            Classify(Warm);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Classify(Counted);
            var bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Counted;

            TestContext.Current.TestOutputHelper?.WriteLine($"{bytes:0} bytes an image");
            Assert.InRange(bytes, 0, MostBytes);

            void Classify(int times)
            {
                for (var time = 0; time < times; time++)
                {
                    Assert.NotNull(model.Classify(picture, Enum.Parse<AnswerExtra>(extra), TestContext.Current.CancellationToken, out _));
                }
            }
        }
        finally
        {
            model.Retire();
        }
    }
}
