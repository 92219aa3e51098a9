using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>Waits for what the promotion policy says of a new model.</summary>
internal static class PromotionDecision
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>The model with the policy's decision; without one when the policy takes longer than five minutes.</summary>
    public static async Task<Model> WaitAsync(GatewayConnection gateway, string version, CancellationToken cancellationToken)
    {
        var started = gateway.Time.GetTimestamp();
        // The registry has no stream to wait on: the decision follows the model within a moment, or within minutes where both models are asked about many images.
        using var timer = new PeriodicTimer(Interval, gateway.Time);
        while (true)
        {
            var model = await gateway.ReadAsync(options => gateway.Models.GetModelAsync(new GetModelRequest { Version = version }, options), cancellationToken);
            if (model.PolicyDecision.Length > 0 || gateway.Time.GetElapsedTime(started) > Patience)
                return model;
            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }
}
