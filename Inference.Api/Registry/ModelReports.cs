using System.Globalization;
using System.Text.Json;
using Grpc.Core;
using Melanoma.Contracts.Models;
using Melanoma.Reports;
using Melanoma.Storage;
using Melanoma.Storage.Models;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Registry;

/// <summary>Draws reports of model versions from what is stored. One at a time, because the processors are there to answer about pictures.</summary>
internal sealed class ModelReports(IDbContextFactory<MelanomaDbContext> databases) : IDisposable
{
    private readonly SemaphoreSlim _oneAtATime = new(1);

    /// <summary>The files of a version's report.</summary>
    /// <exception cref="RpcException">NOT_FOUND: there is no such version. FAILED_PRECONDITION: its report cannot be read.</exception>
    public async Task<IReadOnlyList<ReportFile>> MakeAsync(int version, CancellationToken cancellationToken)
    {
        var content = await ReadAsync(version, cancellationToken);
        await _oneAtATime.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => ReportFiles.Make(content), cancellationToken);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();

    private async Task<ReportContent> ReadAsync(int version, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var model = await database.ModelVersions.AsNoTracking().SingleOrDefaultAsync(model => model.Version == version, cancellationToken)
            ?? throw Refusal.UnknownVersion(version);
        var pictures = await database.ModelReportPictures.AsNoTracking().Where(picture => picture.Version == version)
            .OrderBy(picture => picture.Ordinal).ToListAsync(cancellationToken);
        return new ReportContent(Say($"Model version {version}"), Parse(model), model.Report)
        {
            PolicyDecision = model.PolicyDecision,
            Pictures = [.. pictures.Select(picture => new ReportPicture(picture.Label.ToString(), picture.IsAugmented, picture.Jpeg))],
            DatasetWarnings = await DatasetWarnings.ReadAsync(database, model, cancellationToken),
            OtherProtocol = await OtherProtocol.FindAsync(database, model, cancellationToken) is { } other ? (other.Version, other.Report) : null,
        };
    }

    private static ModelReport Parse(ModelVersion model)
    {
        try
        {
            return ModelReport.FromJson(model.Report);
        }
        catch (JsonException)
        {
            throw Refusal.Of(
                StatusCode.FailedPrecondition, Say($"The report of version {model.Version} is of another time and cannot be drawn; GetModel gives it as it is."));
        }
    }

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
