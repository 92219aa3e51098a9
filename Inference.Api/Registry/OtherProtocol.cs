using System.Text.Json;
using Melanoma.Contracts.Models;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Models;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Registry;

/// <summary>The same recipe under the other protocol, so that nobody reads the figures of the leaky one without the honest ones beside them.</summary>
/// <param name="Version">The newest version of it.</param>
/// <param name="Report">Its report.</param>
internal sealed record OtherProtocol(int Version, ModelReport Report)
{
    /// <summary>Null where there is none, or its report is of another time. The protocols are the original notebook's against the honest one.</summary>
    public static async Task<OtherProtocol?> FindAsync(MelanomaDbContext database, ModelVersion model, CancellationToken cancellationToken)
    {
        var other = model.DatasetKind == DatasetKind.Honest ? DatasetKind.Reproduction : DatasetKind.Honest;
        var newest = await database.ModelVersions.AsNoTracking()
            .Where(candidate => candidate.Recipe == model.Recipe && candidate.RecipeVersion == model.RecipeVersion && candidate.DatasetKind == other && candidate.DatasetId != null)
            .OrderByDescending(candidate => candidate.Version)
            .FirstOrDefaultAsync(cancellationToken);
        try
        {
            return newest is null ? null : new OtherProtocol(newest.Version, ModelReport.FromJson(newest.Report));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
