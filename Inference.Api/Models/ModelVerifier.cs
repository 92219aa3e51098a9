using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Inference.Models;

/// <summary>Opens a model's file and holds it to the contract, so that nothing answers a caller that has not answered a probe.</summary>
internal static class ModelVerifier
{
    private const int ProbePictures = 2;
    private const double SumTolerance = 1e-3;
    private const double MaskTolerance = 1e-6;
    private const float DistanceTolerance = 0.01f;

    /// <summary>How far a probability may be from the one stored with the version.</summary>
    private const double AnswerTolerance = 1e-4;

    /// <summary>The same where a value on the edge between two bytes falls to one side here and to the other there, or where products are rounded to fewer digits, as on a GPU.</summary>
    private const double RoundingTolerance = 1e-2;

    private static readonly string[] FaultsOfTheFile = ["InvalidProtobuf", "InvalidGraph", "InvalidArgument", "NoModel", "NotImplemented"];

    /// <summary>Opens, verifies and warms up.</summary>
    /// <exception cref="ModelRefusedException">The file does not keep the contract.</exception>
    public static LoadedModel Open(StoredModel stored, ExecutionProvider provider)
    {
        InferenceSession session;
        try
        {
            session = provider.Open(stored.Bytes);
        }
        catch (OnnxRuntimeException exception)
        {
            throw Refused("ONNX Runtime cannot open its file", exception);
        }

        LoadedModel? model = null;
        try
        {
            var properties = Properties(session, stored);
            Require(session.InputMetadata, ModelGraph.Images, TensorElementType.UInt8, [-1, properties.InputSize, properties.InputSize, 3]);
            Require(session.OutputMetadata, ModelGraph.Probabilities, TensorElementType.Float, [-1, Diagnoses.Count]);
            if (properties.DistanceLimit is not null)
            {
                Require(session.OutputMetadata, ModelGraph.Distance, TensorElementType.Float, [-1, 1]);
            }

            if (properties.HasActivationMap)
            {
                RequireMap(session.OutputMetadata);
            }

            model = new LoadedModel(stored.Version, session, properties, provider.Name);
            Probe(model);
            AnswerAgain(model, stored.Answers);
            return model;
        }
        catch (Exception exception)
        {
            if (model is null)
            {
                session.Dispose();
            }
            else
            {
                model.Retire();
            }

            throw exception is OnnxRuntimeException ? Refused("its network cannot run", exception) : exception;
        }
    }

    private static ModelProperties Properties(InferenceSession session, StoredModel stored)
    {
        ModelProperties properties;
        try
        {
            properties = ModelProperties.FromMetadata(session.ModelMetadata.CustomMetadataMap);
        }
        catch (FormatException exception)
        {
            throw new ModelRefusedException($"its properties do not fit: {exception.Message}", exception);
        }

        return (properties.InputSize, properties.DatasetId, properties.Precision) == (stored.InputSize, stored.DatasetId, stored.Precision)
            ? properties
            : throw new ModelRefusedException("its file says another input size, dataset or precision than the registry");
    }

    private static void Require(IReadOnlyDictionary<string, NodeMetadata> nodes, string name, TensorElementType type, ReadOnlySpan<int> shape)
    {
        if (!nodes.TryGetValue(name, out var node) || !node.IsTensor || node.ElementDataType != type || !node.Dimensions.AsSpan().SequenceEqual(shape))
        {
            var wanted = string.Join(',', shape.ToArray().Select(side => side < 0 ? "N" : side.ToString(CultureInfo.InvariantCulture)));
            throw new ModelRefusedException($"its graph has no {type} '{name}' of shape [{wanted}]");
        }
    }

    private static void RequireMap(IReadOnlyDictionary<string, NodeMetadata> outputs)
    {
        if (!outputs.TryGetValue(ModelGraph.ActivationMap, out var node) || !node.IsTensor || node.ElementDataType != TensorElementType.Float
            || node.Dimensions is not [-1, Diagnoses.Count, > 0, > 0])
        {
            throw new ModelRefusedException($"its graph has no Float '{ModelGraph.ActivationMap}' of shape [N,{Diagnoses.Count},h,w], which its properties promise");
        }
    }

    // A flat picture and a busy one, together and again alone: finite, adding up to 1, nothing for what it does not know, and the same alone as in company.
    private static void Probe(LoadedModel model)
    {
        using var together = model.NewBuffers(ProbePictures, model.Properties.HasActivationMap);
        var pixels = together.Pixels;
        pixels[..model.PictureBytes].Fill(128);
        for (var at = model.PictureBytes; at < pixels.Length; at++)
        {
            pixels[at] = (byte)((uint)at * 2654435761u >> 24);
        }

        model.Run(together);
        for (var picture = 0; picture < ProbePictures; picture++)
        {
            using var alone = model.NewBuffers(1, model.Properties.HasActivationMap);
            pixels.Slice(picture * model.PictureBytes, model.PictureBytes).CopyTo(alone.Pixels);
            model.Run(alone);
            Judge(model.Properties, alone.Probabilities);
            if (alone.Distances.ContainsAnyExceptInRange(-DistanceTolerance, float.MaxValue))
            {
                throw new ModelRefusedException("it answers a probe with a distance that is none");
            }

            if (alone.Maps.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
            {
                throw new ModelRefusedException("it answers a probe with an activation map that is not of numbers");
            }

            for (var index = 0; index < Diagnoses.Count; index++)
            {
                if (Math.Abs(alone.Probabilities[index] - together.Probabilities[(picture * Diagnoses.Count) + index]) > 1e-4)
                {
                    throw new ModelRefusedException("it answers a picture otherwise in company than alone");
                }
            }
        }
    }

    // The same picture has the same answer on every replica, for ever: one that cannot keep that answers nobody.
    private static void AnswerAgain(LoadedModel model, IReadOnlyList<StoredAnswer> answers)
    {
        var tolerance = model.Properties.Precision == ModelProperties.EightBits || model.Provider != ExecutionProvider.Cpu ? RoundingTolerance : AnswerTolerance;
        foreach (var (number, stored) in answers.Index())
        {
            var answer = model.Classify(stored.Picture, AnswerExtra.None, CancellationToken.None, out var refusal)
                ?? throw new ModelRefusedException($"picture {number} that is stored with it cannot be read here: {refusal!.Message}");
            if (answer.Probabilities.Zip(stored.Probabilities, (now, then) => Math.Abs(now - then)).Where(difference => !(difference <= tolerance)).ToArray() is [var apart, ..])
            {
                throw new ModelRefusedException(string.Create(
                    CultureInfo.InvariantCulture, $"of picture {number} that is stored with it, it says something else here than when it was made: a probability differs by {apart:0.#####}"));
            }
        }
    }

    private static void Judge(ModelProperties properties, ReadOnlySpan<float> probabilities)
    {
        var sum = 0.0;
        for (var index = 0; index < Diagnoses.Count; index++)
        {
            var probability = probabilities[index];
            if (!float.IsFinite(probability) || probability < 0)
            {
                throw new ModelRefusedException("it answers a probe with numbers that are no probabilities");
            }

            if (properties.Unsupported.Contains((Diagnosis)index) && probability > MaskTolerance)
            {
                throw new ModelRefusedException($"it gives {Diagnoses.Names[index]} a probability, though it was not trained on it");
            }

            sum += probability;
        }

        if (Math.Abs(sum - 1) > SumTolerance)
        {
            throw new ModelRefusedException(string.Create(CultureInfo.InvariantCulture, $"its probabilities add up to {sum:0.####} on a probe"));
        }
    }

    // Out of memory and a lost device look like any other failure; only what ONNX Runtime says of the file itself will be said again.
    private static ModelRefusedException Refused(string what, Exception exception)
    {
        var reason = exception.Message.Split('\n')[0].Trim();
        return new ModelRefusedException($"{what} ({reason})", exception) { MayPass = !FaultsOfTheFile.Any(code => reason.StartsWith($"[ErrorCode:{code}]", StringComparison.Ordinal)) };
    }
}
