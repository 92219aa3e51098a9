using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Models;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Melanoma.Storage.Predictions;

/// <summary>The audit row of one answer: append-only, durable before the answer leaves. Written by Inference.</summary>
public sealed class Prediction
{
    /// <summary>UUID version 7.</summary>
    public required Guid Id { get; init; }

    /// <summary>When the answer was made.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The owner of the API key that asked.</summary>
    public required string Tenant { get; init; }

    /// <summary>Name of the API key that asked.</summary>
    public required string Caller { get; init; }

    /// <summary>The caller's pseudonym for the case.</summary>
    public string? CaseReference { get; init; }

    /// <summary>The version that computed the answer.</summary>
    public required int ModelVersion { get; init; }

    /// <summary>The execution provider that computed it: <c>CPU</c> or <c>CUDA</c>.</summary>
    public required string ExecutionProvider { get; init; }

    /// <summary>SHA-256 of the image's bytes; the image itself is not kept.</summary>
    public required byte[] ImageSha256 { get; init; }

    /// <summary>All nine probabilities in index order, as answered.</summary>
    public required double[] Probabilities { get; init; }

    /// <summary>The diagnosis as answered.</summary>
    public required Diagnosis Diagnosis { get; init; }

    /// <summary>The decision as answered; null in rows of before there were decisions.</summary>
    public Decision? Decision { get; init; }

    /// <summary>The words of the reasons why it is <see cref="Decision.Indeterminate"/>.</summary>
    public string[] Reasons { get; init; } = [];

    /// <summary>Time from the request's arrival to the finished computation, in milliseconds.</summary>
    public required double LatencyMs { get; init; }
}

internal sealed class PredictionConfiguration : IEntityTypeConfiguration<Prediction>
{
    public void Configure(EntityTypeBuilder<Prediction> builder)
    {
        builder.Property(prediction => prediction.Decision).HasConversion<short?>();
        builder.HasIndex(prediction => new { prediction.Tenant, prediction.Id });
        builder.HasOne<ModelVersion>().WithMany().HasForeignKey(prediction => prediction.ModelVersion).OnDelete(DeleteBehavior.Restrict);
        builder.ToTable(table => table.HasCheckConstraint("ck_predictions_nine", "cardinality(probabilities) = 9"));
    }
}
