using Melanoma.Testing;
using Xunit.Sdk;
using Xunit.v3;

[assembly: AssemblyFixture(typeof(TestServers))]

// Each test runs a whole stack of processes; two at a time would only wait for each other.
[assembly: Parallelization(Mode = ParallelMode.None)]
