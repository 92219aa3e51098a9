using Melanoma.EndToEndTests;
using Melanoma.Testing;
using Xunit.Sdk;

[assembly: AssemblyFixture(typeof(TestServers))]
[assembly: AssemblyFixture(typeof(TrainedStack))]

// Each test runs a whole stack of processes; two at a time would only wait for each other.
[assembly: Parallelization(Mode = ParallelMode.None)]
