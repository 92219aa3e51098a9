using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Augmentation.Forgetting;

/// <summary>Deletes the bytes of variants that were made of forgotten images; their rows stay. Repeating it changes nothing.</summary>
internal sealed partial class ForgottenVariants(IDbContextFactory<MelanomaDbContext> databases, ILogger<ForgottenVariants> logger)
{
    // By the image's own mark, not by the message: what nobody forgot is not deleted, whatever a message says.
    private const string Delete = """
        DELETE FROM variant_contents AS content USING variants AS variant, dataset_items AS item, images AS image
        WHERE content.augmentation_id = variant.augmentation_id AND content.ordinal = variant.ordinal
            AND item.dataset_id = variant.dataset_id AND item.kind = variant.dataset_kind AND item.ordinal = variant.parent_ordinal
            AND image.id = item.image_id AND image.forgotten_at IS NOT NULL
        """;

    /// <summary>Deletes what was made of these images.</summary>
    public Task DeleteAsync(Guid[] imageIds, CancellationToken cancellationToken) =>
        DeleteAsync($"{Delete} AND image.id = ANY({{0}})", [imageIds], cancellationToken);

    /// <summary>Deletes what was made of any forgotten image.</summary>
    public Task DeleteAllAsync(CancellationToken cancellationToken) => DeleteAsync(Delete, [], cancellationToken);

    private async Task DeleteAsync(string sql, object[] parameters, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.Database.SetCommandTimeout(TimeSpan.FromMinutes(10));
        var deleted = await database.Database.ExecuteSqlRawAsync(sql, parameters, cancellationToken);
        if (deleted > 0)
            LogDeleted(deleted);
    }

    [LoggerMessage(50, LogLevel.Information, "The bytes of {Variants} variants of forgotten images were deleted")]
    private partial void LogDeleted(int variants);
}
