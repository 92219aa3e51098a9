using Melanoma.Testing;

[assembly: AssemblyFixture(typeof(TestServers))]
