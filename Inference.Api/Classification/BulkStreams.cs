using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.ServiceDefaults.Grpc;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Classification;

/// <summary>The streams of questions that are open, a bounded number of them.</summary>
internal sealed class BulkStreams(
    IOptions<ClassificationOptions> options, ImageClassifier classifier, InferenceLanes lanes, HeldBytes held, InferenceMetrics metrics, IHostApplicationLifetime lifetime)
{
    /// <summary>A stream takes as long as its caller has pictures: nobody can say when one ends.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(5);

    private readonly int _most = options.Value.BulkStreams;

    /// <summary>No tenant has more than half of them, so that none keeps all others out.</summary>
    private readonly int _mostOfTenant = (options.Value.BulkStreams + 1) / 2;

    private readonly Dictionary<string, int> _open = [];

    /// <summary>How many are open.</summary>
    public int Open
    {
        get
        {
            lock (_open)
            {
                return _open.Values.Sum();
            }
        }
    }

    /// <summary>Answers a stream's questions until it ends.</summary>
    /// <param name="questions">What is asked.</param>
    /// <param name="answers">Where answers go.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="cancellationToken">Tells that the caller has gone away.</param>
    /// <exception cref="RpcException">The stream is refused, or ended before its caller did.</exception>
    public async Task ServeAsync(
        IAsyncStreamReader<ClassifyStreamRequest> questions, IServerStreamWriter<ClassifyStreamResponse> answers, Caller caller, CancellationToken cancellationToken)
    {
        Enter(caller.Tenant);
        try
        {
            // One question more than there are lanes: while one answer is written, all of them have work.
            using var stream = new BulkStream(questions, answers, question => AnswerAsync(question, caller, cancellationToken), held, lifetime.ApplicationStopping, cancellationToken);
            await stream.ServeAsync(lanes.Count + 1);
        }
        finally
        {
            Leave(caller.Tenant);
        }
    }

    private void Enter(string tenant)
    {
        int all, own;
        lock (_open)
        {
            (all, own) = (_open.Values.Sum(), _open.GetValueOrDefault(tenant));
            if (all < _most && own < _mostOfTenant)
            {
                _open[tenant] = own + 1;
                return;
            }
        }

        metrics.Refused(nameof(StatusCode.ResourceExhausted));
        throw Refusal.Busy(RetryDelay, all < _most
            ? $"{own} streams of questions of this tenant are open, which are as many as one tenant may have at a time; try again when one has ended."
            : $"{all} streams of questions are open, which are as many as are served at a time; try again when one has ended.");
    }

    private void Leave(string tenant)
    {
        lock (_open)
        {
            if (--_open[tenant] == 0)
            {
                _open.Remove(tenant);
            }
        }
    }

    // What befalls one picture is its own answer; only a defect ends the stream.
    private async Task<ClassifyStreamResponse> AnswerAsync(ClassifyStreamRequest question, Caller caller, CancellationToken cancellationToken)
    {
        try
        {
            var request = question.Request ?? new ClassifyRequest();
            var answer = await classifier.ClassifyAsync(ClassificationQuestion.Of(request, caller) with { IsBulk = true }, cancellationToken);
            return new ClassifyStreamResponse { Key = question.Key, Answer = answer };
        }
        catch (RpcException refusal)
        {
            return Refused(question, refusal);
        }
        catch (Exception exception) when (ExceptionInterceptor.IsDatabaseLost(exception))
        {
            return Refused(question, ExceptionInterceptor.DatabaseLost());
        }
    }

    private static ClassifyStreamResponse Refused(ClassifyStreamRequest question, RpcException refusal) =>
        new() { Key = question.Key, Refusal = new ClassifyRefusal { Code = (int)refusal.StatusCode, Message = refusal.Status.Detail } };
}
