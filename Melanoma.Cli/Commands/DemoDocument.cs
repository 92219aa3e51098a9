namespace Melanoma.Cli.Commands;

/// <summary>The whole demonstration.</summary>
internal sealed record DemoDocument(
    DeliveryDocument Delivery, DatasetDocument Dataset, RunDocument Run, ModelDocument Model, IReadOnlyList<Classification> Classified);
