using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>Asks how far a delivery has come while it is being taken in.</summary>
internal static class DeliveryProgress
{
    private const string DeliveryHeaderName = "melanoma-delivery-id";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Tells how many files have a line in the report, until it is cancelled. Nothing that goes wrong here harms the delivery, so nothing of it is told.
    /// </summary>
    /// <param name="gateway">Whom to ask.</param>
    /// <param name="headers">The headers of the answer, which name the delivery.</param>
    /// <param name="taken">Told each number.</param>
    /// <param name="cancellationToken">The delivery has ended.</param>
    public static async Task FollowAsync(GatewayConnection gateway, Task<Metadata> headers, Action<int> taken, CancellationToken cancellationToken)
    {
        try
        {
            if ((await headers.WaitAsync(cancellationToken)).GetValue(DeliveryHeaderName) is not { } id)
                return;
            var pause = Pause;
            while (true)
            {
                await Task.Delay(pause, gateway.Time, cancellationToken);
                var asked = gateway.Time.GetTimestamp();
                if (await AskAsync(gateway, id, cancellationToken) is { } files)
                    taken(files);

                // Counting a large delivery takes the database a while: it has better to do most of the time.
                var answered = gateway.Time.GetElapsedTime(asked);
                pause = answered * 5 > Pause ? answered * 5 : Pause;
            }
        }
        catch (Exception failure) when (failure is OperationCanceledException or RpcException)
        {
            // The delivery's own answer says what there is to say.
        }
    }

    private static async Task<int?> AskAsync(GatewayConnection gateway, string id, CancellationToken cancellationToken)
    {
        try
        {
            var delivery = await gateway.Catalog.GetDeliveryAsync(
                new GetDeliveryRequest { DeliveryId = id }, deadline: gateway.Time.GetUtcNow().UtcDateTime + Patience, cancellationToken: cancellationToken);
            return delivery.Files;
        }
        catch (RpcException)
        {
            return null;
        }
    }
}
