using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.Forgetting;
using Melanoma.Ingestion.Images;
using Melanoma.ServiceDefaults.Callers;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion;

/// <summary>The gRPC service ImageCatalog: each call is handed to its feature.</summary>
internal sealed class ImageCatalogService(
    DeliveryReceiver receiver,
    DeliveryReports reports,
    ImageList images,
    ImageDetailsReader details,
    ImageBytesReader bytes,
    ImageForgetting forgetting,
    DeliverySlots slots,
    IOptions<DeliveryOptions> options,
    TimeProvider time) : ImageCatalog.ImageCatalogBase
{
    /// <summary>Response header that names the delivery as soon as it has begun, so that its progress can be asked for.</summary>
    public const string DeliveryHeaderName = "melanoma-delivery-id";

    private const int MaxNameLength = 200;
    private const int DefaultPageSize = 100;
    private const int MaxPageSize = 1000;

    public override async Task<Delivery> Ingest(IAsyncStreamReader<IngestRequest> requestStream, ServerCallContext context)
    {
        // Who says nothing yet holds no place that others could use.
        var name = await ReadHeaderAsync(requestStream, context.CancellationToken);
        using var slot = slots.TryTake();
        if (!slot.IsAcquired)
            Throw(StatusCode.ResourceExhausted, $"{options.Value.MaxConcurrent} deliveries are coming in already. Try again when one of them has ended.");

        return await receiver.ReceiveAsync(
            name,
            context.GetCaller().Name,
            id => context.WriteResponseHeadersAsync(new Metadata { { DeliveryHeaderName, id.ToString() } }),
            (intake, token) => new DeliveryReader(requestStream, intake, options.Value, time).ReadAsync(token),
            context.CancellationToken);
    }

    public override async Task<Delivery> GetDelivery(GetDeliveryRequest request, ServerCallContext context) =>
        await reports.FindAsync(ParseId(request.DeliveryId), context.CancellationToken) ?? ThrowNotFound(request.DeliveryId);

    public override async Task<ListDeliveriesResponse> ListDeliveries(ListDeliveriesRequest request, ServerCallContext context)
    {
        if (request.PageSize is < 0 or > MaxPageSize)
            Throw(StatusCode.InvalidArgument, $"page_size is {request.PageSize}; choose 1 to {MaxPageSize}, or leave it out for {DefaultPageSize}.");
        var deliveries = await reports.ListNewestAsync(request.PageSize == 0 ? DefaultPageSize : request.PageSize, context.CancellationToken);
        return new ListDeliveriesResponse { Deliveries = { deliveries } };
    }

    public override async Task ListDeliveryFiles(ListDeliveryFilesRequest request, IServerStreamWriter<DeliveryFile> responseStream, ServerCallContext context)
    {
        var id = ParseId(request.DeliveryId);
        if (!await reports.ExistsAsync(id, context.CancellationToken))
            ThrowNotFound(request.DeliveryId);
        await foreach (var file in reports.ReadFilesAsync(id, context.CancellationToken))
            await responseStream.WriteAsync(file, context.CancellationToken);
    }

    public override Task<ClassDistribution> GetClassDistribution(GetClassDistributionRequest request, ServerCallContext context) =>
        reports.CountClassesAsync(context.CancellationToken);

    public override Task<ListImagesResponse> ListImages(ListImagesRequest request, ServerCallContext context) =>
        images.ReadAsync(request, context.CancellationToken);

    public override Task<ImageDetails> GetImage(GetImageRequest request, ServerCallContext context) =>
        details.ReadAsync(ImageIds.Parse(request.ImageId), context.CancellationToken);

    public override Task ReadImage(ReadImageRequest request, IServerStreamWriter<ImageChunk> responseStream, ServerCallContext context) =>
        bytes.SendAsync(ImageIds.Parse(request.ImageId), responseStream, context.CancellationToken);

    public override Task<ForgetImagesResponse> ForgetImages(ForgetImagesRequest request, ServerCallContext context) =>
        forgetting.ForgetAsync(request, context.GetCaller().Name, context.CancellationToken);

    private async Task<string> ReadHeaderAsync(IAsyncStreamReader<IngestRequest> messages, CancellationToken cancellationToken)
    {
        if (!await DeliveryReader.NextAsync(messages, options.Value, time, cancellationToken) || messages.Current.PartCase != IngestRequest.PartOneofCase.Header)
            Throw(StatusCode.InvalidArgument, "The first message of a delivery is its header.");
        var name = messages.Current.Header.Name.Trim();
        if (name.Length > MaxNameLength)
            Throw(StatusCode.InvalidArgument, $"The delivery's name has {name.Length} characters; at most {MaxNameLength} are taken. Choose a shorter one.");
        if (name.Any(char.IsControl))
            Throw(StatusCode.InvalidArgument, "The delivery's name has control characters. Choose another one.");
        return name.Length == 0 ? "unnamed" : name;
    }

    private static Guid ParseId(string text)
    {
        if (!Guid.TryParse(text, out var id))
            Throw(StatusCode.InvalidArgument, "delivery_id is not an id; ListDeliveries gives the ids.");
        return id;
    }

    [DoesNotReturn]
    private static Delivery ThrowNotFound(string id) => throw new RpcException(new Status(StatusCode.NotFound, $"There is no delivery {id}; ListDeliveries gives the ids."));

    [DoesNotReturn]
    private static void Throw(StatusCode code, string detail) => throw new RpcException(new Status(code, detail));
}
