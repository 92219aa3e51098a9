using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>A picture to ask about.</summary>
/// <param name="Name">What it is called in the answer.</param>
/// <param name="ReadAsync">Its bytes.</param>
internal sealed record Picture(string Name, Func<CancellationToken, Task<byte[]>> ReadAsync)
{
    // The service refuses from 20 MB; this only keeps a film from being read into memory.
    private const long LargestRead = 64 * 1024 * 1024;

    public static Picture FromFile(string path, string name) => new(name, cancellationToken =>
        new FileInfo(path).Length > LargestRead
            ? throw new IOException($"{name} is too large for a picture: at most 20 MB are taken.")
            : File.ReadAllBytesAsync(path, cancellationToken));
}

/// <summary>Keeps many calls in flight, a bounded number, and gives the answers in the order of the pictures.</summary>
internal sealed class PictureClassifier(GatewayConnection gateway, string? modelVersion, string? caseReference)
{
    private const int CallsInFlight = 32;
    private const int AnswersAhead = 1024;

    /// <summary>Asks about each picture; stops early when an answer says that no picture can be answered.</summary>
    /// <returns>Whether every picture was asked about.</returns>
    public async Task<bool> ClassifyAsync(IEnumerable<Picture> pictures, Action<Classification> onAnswer, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var slots = new SemaphoreSlim(CallsInFlight);
        var answers = Channel.CreateBounded<Task<Classification>>(AnswersAhead);
        var asking = AskAllAsync(pictures, slots, answers.Writer, stop.Token);
        var complete = true;
        await foreach (var task in answers.Reader.ReadAllAsync(CancellationToken.None))
        {
            try
            {
                var answer = await task;
                if (!complete)
                    continue;
                onAnswer(answer);
                if (!answer.IsAnswer && !answer.ConcernsPictureOnly)
                {
                    complete = false;
                    await stop.CancelAsync();
                }
            }
            catch (OperationCanceledException)
            {
                complete = false;
            }
        }

        await asking;
        cancellationToken.ThrowIfCancellationRequested();
        return complete;
    }

    private async Task AskAllAsync(IEnumerable<Picture> pictures, SemaphoreSlim slots, ChannelWriter<Task<Classification>> answers, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var picture in pictures)
            {
                await slots.WaitAsync(cancellationToken);
                await answers.WriteAsync(AskAsync(picture, slots, cancellationToken), CancellationToken.None);
            }
        }
        catch (OperationCanceledException)
        {
            // The reader knows why and tells.
        }
        finally
        {
            answers.Complete();
        }
    }

    private async Task<Classification> AskAsync(Picture picture, SemaphoreSlim slots, CancellationToken cancellationToken)
    {
        try
        {
            var request = new ClassifyRequest
            {
                Image = UnsafeByteOperations.UnsafeWrap(await picture.ReadAsync(cancellationToken)),

                // Repeating the call gives the answer again that may have been lost on its way.
                IdempotencyKey = Guid.NewGuid().ToString(),
            };
            if (modelVersion is not null)
                request.ModelVersion = modelVersion;
            if (caseReference is not null)
                request.CaseReference = caseReference;
            var answer = await gateway.ReadAsync(options => gateway.Classifier.ClassifyAsync(request, options), cancellationToken);
            return Classification.Answered(picture.Name, answer);
        }
        catch (RpcException failure)
        {
            return Classification.Refused(picture.Name, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Classification.Unreadable(picture.Name, failure.Message);
        }
        finally
        {
            slots.Release();
        }
    }
}
