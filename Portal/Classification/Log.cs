namespace Melanoma.Portal.Classification;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "A picture did not arrive from the browser: {Reason}")]
    public static partial void UploadLost(ILogger logger, string reason);
}
