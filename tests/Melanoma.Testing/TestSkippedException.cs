using Xunit.v3;

namespace Melanoma.Testing;

/// <summary>Skips the running test, and has it counted as skipped: what it needs cannot be had on this machine.</summary>
/// <param name="reason">What is missing and how to get it.</param>
public sealed class TestSkippedException(string reason) : Exception(DynamicSkipToken.Value + reason);
