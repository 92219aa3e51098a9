await Console.Error.WriteLineAsync(
    """
    This build of Melanoma.AppHost has no Aspire: the packages Aspire.AppHost.Sdk and Aspire.Hosting.* could not be restored from your package feed.
    Add a feed that has them, delete artifacts/aspire.props and build again, or start the same stack without Aspire: ./melanoma up
    """);
return 2;
