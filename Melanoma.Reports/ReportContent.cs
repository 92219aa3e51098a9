using Melanoma.Contracts.Models;

namespace Melanoma.Reports;

/// <summary>What a report is drawn from: the stored figures, and what is known of the model beside them.</summary>
/// <param name="Title">What it is about, such as <c>Model version 5</c>.</param>
/// <param name="Report">The figures; an older report lacks some, and with them their plots.</param>
/// <param name="Json">The report as it is stored.</param>
public sealed record ReportContent(string Title, ModelReport Report, string Json)
{
    /// <summary>What must be known of the dataset by everybody who reads the figures, as it is known now.</summary>
    public IReadOnlyList<string> DatasetWarnings { get; init; } = Report.DatasetWarnings;

    /// <summary>What the promotion policy said; null while it has not decided, or where there is none.</summary>
    public string? PolicyDecision { get; init; }

    /// <summary>The newest version of the same recipe under the other protocol, honest beside leaky; null where there is none.</summary>
    public (int Version, ModelReport Report)? OtherProtocol { get; init; }

    /// <summary>Training pictures: of each class the picture itself, then the augmented ones of it.</summary>
    public IReadOnlyList<ReportPicture> Pictures { get; init; } = [];
}

/// <summary>A small training picture.</summary>
/// <param name="Label">What the dataset says it shows.</param>
/// <param name="IsAugmented">Whether augmentation changed it.</param>
/// <param name="Jpeg">The picture.</param>
public sealed record ReportPicture(string Label, bool IsAugmented, byte[] Jpeg);

/// <summary>A file of a report.</summary>
/// <param name="Name">Its name, without a folder.</param>
/// <param name="MediaType">For example <c>image/png</c>.</param>
/// <param name="Bytes">Its content.</param>
public sealed record ReportFile(string Name, string MediaType, byte[] Bytes);
