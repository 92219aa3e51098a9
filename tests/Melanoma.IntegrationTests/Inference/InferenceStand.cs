using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Melanoma.Contracts;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Models;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Dataset = Melanoma.Storage.Datasets.Dataset;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;
using Delivery = Melanoma.Storage.Catalogue.Delivery;
using Image = Melanoma.Storage.Catalogue.Image;
using LabelState = Melanoma.Storage.Catalogue.LabelState;
using Run = Melanoma.Storage.Runs.Run;
using Split = Melanoma.Storage.Datasets.Split;
using StoredState = Melanoma.Storage.Models.ModelState;

namespace Melanoma.IntegrationTests.Inference;

/// <summary>Inference.Api as a process of its own on a database and a virtual host of its own, with the test in the place of ingestion and training.</summary>
internal sealed class InferenceStand : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly NpgsqlDataSource _dataSource;
    private readonly GrpcChannel _channel;

    private readonly Dictionary<string, string?> _environment;

    private InferenceStand(NpgsqlDataSource dataSource, ServiceProcess service, Dictionary<string, string?> environment)
    {
        (_dataSource, Service, _environment) = (dataSource, service, environment);
        _channel = PlayedGateway.Connect(service.Grpc);
        Classifier = new Classifier.ClassifierClient(_channel);
        Registry = new ModelRegistry.ModelRegistryClient(_channel);
        Predictions = new Predictions.PredictionsClient(_channel);
        Audit = new Audit.AuditClient(_channel);
        Health = new Health.HealthClient(_channel);
        Http = PlayedGateway.Browse(service.Http);
    }

    public ServiceProcess Service { get; }

    public Classifier.ClassifierClient Classifier { get; }

    public ModelRegistry.ModelRegistryClient Registry { get; }

    public Predictions.PredictionsClient Predictions { get; }

    public Audit.AuditClient Audit { get; }

    public Health.HealthClient Health { get; }

    public HttpClient Http { get; }

    /// <summary>Who calls, as the Gateway would say.</summary>
    public static Metadata Caller(string tenant = "st-elsewhere") => PlayedGateway.Caller("key-of-" + tenant, tenant);

    public static async Task<InferenceStand> StartAsync(TestServers servers, params (string Name, string Value)[] settings)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var owner = await servers.CreateMigratedDatabaseAsync(cancellationToken);
        var rabbitMq = await servers.CreateVirtualHostAsync(cancellationToken);
        var environment = new Dictionary<string, string?>
        {
            ["ConnectionStrings__melanoma"] = owner,
            ["ConnectionStrings__rabbitmq"] = rabbitMq,
            ["Promotion__SweepSeconds"] = "1",

            // Tests ask much at once, and few are about load.
            ["Classification__WaitingImages"] = "64",
        };
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        var stand = new InferenceStand(NpgsqlDataSource.Create(owner), ServiceProcess.Start("Inference.Api", environment), environment);
        await stand.Service.WaitUntilReadyAsync(cancellationToken);
        await using var database = stand.Database();
        database.Datasets.Add(NewDataset(DatasetKind.Honest, 1));
        await database.SaveChangesAsync(cancellationToken);
        return stand;
    }

    /// <summary>Another replica of the service on the same database and virtual host.</summary>
    public async Task<InferenceStand> StartReplicaAsync(params (string Name, string Value)[] settings)
    {
        var environment = new Dictionary<string, string?>(_environment);
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        var replica = new InferenceStand(NpgsqlDataSource.Create(environment["ConnectionStrings__melanoma"]!), ServiceProcess.Start("Inference.Api", environment), environment);
        await replica.Service.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        return replica;
    }

    /// <summary>Runs SQL as the owner of the database, or as a service.</summary>
    public async Task<int> ExecuteAsync(string sql, ServiceRole? role = null)
    {
        await using var source = role is null ? null : NpgsqlDataSource.Create(MelanomaDatabase.ConnectionStringFor(_environment["ConnectionStrings__melanoma"]!, role.Value));
        await using var command = (source ?? _dataSource).CreateCommand(sql);
        return await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>A PNG of one colour with a little noise.</summary>
    public static byte[] Picture(byte red, byte green, byte blue, int seed = 0, int size = 40)
    {
        var image = new RgbImage(size, size);
        var random = new Random(seed);
        for (var at = 0; at < image.Pixels.Length; at += 3)
        {
            image.Pixels[at] = (byte)Math.Clamp(red + random.Next(-20, 20), 0, 255);
            image.Pixels[at + 1] = (byte)Math.Clamp(green + random.Next(-20, 20), 0, 255);
            image.Pixels[at + 2] = (byte)Math.Clamp(blue + random.Next(-20, 20), 0, 255);
        }

        return ImageEncoder.EncodePng(image);
    }

    /// <summary>How often a test does something: a tenth every day, and all of it when everything is tested.</summary>
    public static int Times(int all) => Environment.GetEnvironmentVariable("MELANOMA_TEST_ALL") is null ? all / 10 : all;

    public static ClassifyRequest Request(byte[] image, int? version = null)
    {
        var request = new ClassifyRequest { Image = Google.Protobuf.ByteString.CopyFrom(image) };
        if (version is { } number)
        {
            request.ModelVersion = number.ToString(CultureInfo.InvariantCulture);
        }

        return request;
    }

    /// <summary>The tests share one pool: after the database was gone, the connections in it are dead.</summary>
    public void ForgetConnections() => _dataSource.Clear();

    public MelanomaDbContext Database()
    {
        var options = new DbContextOptionsBuilder<MelanomaDbContext>();
        options.UseMelanoma(_dataSource);
        return new MelanomaDbContext(options.Options);
    }

    /// <summary>A Gateway before it, and what the command line needs to call through it.</summary>
    public async Task<(ServiceProcess Gateway, Dictionary<string, string?> CommandLine)> StartGatewayAsync(string roles)
    {
        var environment = new Dictionary<string, string?>(_environment)
        {
            ["services__inference__grpc__0"] = Service.Grpc.OriginalString,
            ["services__inference__http__0"] = Service.Http.OriginalString,
        };
        var gateway = ServiceProcess.Start("Gateway", environment);
        string[] create = ["keys", "create", "--name", $"commands-{Guid.NewGuid():N}", "--tenant", "ops", "--roles", roles];
        var key = await ServiceProcess.RunAsync("Gateway", environment, create, TestContext.Current.CancellationToken);
        await gateway.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        return (gateway, new() { ["MELANOMA_ADDRESS"] = gateway.Grpc.OriginalString, ["MELANOMA_API_KEY"] = key.TrimEnd('\n') });
    }

    /// <summary>A training worker beside it, which registers the bundled model of a folder.</summary>
    public ServiceProcess StartTraining(string folder, string cache) =>
        ServiceProcess.Start("Training.Worker", new Dictionary<string, string?>(_environment) { ["Training__BundledModel"] = folder, ["Training__CacheFolder"] = cache });

    /// <summary>
    /// Registers a version as the training worker does, with the hashes of its dataset's images unless it brings others; dataset 1 is honest and empty. Where it has a file of
    /// eight bits, that one answers.
    /// </summary>
    public async Task<int> RegisterAsync(
        byte[] onnx, int datasetId = 1, DatasetKind kind = DatasetKind.Honest, byte[]? sha256 = null, string? decided = "decided by the test",
        IEnumerable<byte[]>? trainedOn = null, double parityDifference = 0, byte[]? eightBits = null, (byte[] Picture, double[] Probabilities)? storedAnswer = null)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var database = Database();
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var run = new Run
        {
            Id = Guid.CreateVersion7(),
            Recipe = "quick",
            RecipeVersion = 1,
            DatasetId = datasetId,
            DatasetKind = kind,
            Epochs = 1,
            Seed = 1,
            AugmentationPolicy = "none",
            SamplesPerClass = 0,
            RequestedAt = DateTimeOffset.UtcNow,
            RequestedBy = "test",
        };
        database.Runs.Add(run);
        var model = new ModelVersion
        {
            RunId = run.Id,
            Recipe = "quick",
            RecipeVersion = 1,
            DatasetId = datasetId,
            DatasetKind = kind,
            CreatedAt = DateTimeOffset.UtcNow,
            InputSize = TestModel.Side,
            ServedPrecision = eightBits is null ? "fp32" : "int8",
            Report = Report(datasetId, kind, parityDifference).ToJson(),
            PolicyDecision = decided,
        };
        database.ModelVersions.Add(model);
        await database.SaveChangesAsync(cancellationToken);
        database.ModelArtefacts.Add(new ModelArtefact { Version = model.Version, Precision = "fp32", Sha256 = sha256 ?? SHA256.HashData(onnx), Bytes = onnx });
        if (eightBits is not null)
        {
            database.ModelArtefacts.Add(new ModelArtefact { Version = model.Version, Precision = "int8", Sha256 = SHA256.HashData(eightBits), Bytes = eightBits });
        }

        if (storedAnswer is var (picture, probabilities))
        {
            database.ModelStoredAnswers.Add(new ModelStoredAnswer { Version = model.Version, Number = 0, Picture = picture, Probabilities = probabilities });
        }

        database.ModelTrainingImages.AddRange(
            from hash in trainedOn ?? await database.DatasetItems.Where(item => item.DatasetId == datasetId && item.Split != Split.Test)
                .Join(database.Images, item => item.ImageId, image => image.Id, (_, image) => image.Sha256).ToListAsync(cancellationToken)
            select new ModelTrainingImage { Version = model.Version, Sha256 = hash });
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return model.Version;
    }

    public async Task<int> RegisterAndPromoteAsync(TestModel model)
    {
        var version = await RegisterAsync(model.Build());
        await PromoteAsync(version);
        return version;
    }

    public async Task PromoteAsync(int version) => await Registry.PromoteModelAsync(
        new PromoteModelRequest { Version = version.ToString(CultureInfo.InvariantCulture), Reason = "a test" }, Caller(), cancellationToken: TestContext.Current.CancellationToken);

    /// <summary>Puts a version into production past the service, as another replica does, and announces it.</summary>
    public async Task PromoteElsewhereAsync(int version)
    {
        await using var database = Database();
        await using var transaction = await database.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await database.ModelVersions.Where(model => model.State == StoredState.Production)
            .ExecuteUpdateAsync(update => update.SetProperty(model => model.State, StoredState.Retired), TestContext.Current.CancellationToken);
        await database.ModelVersions.Where(model => model.Version == version)
            .ExecuteUpdateAsync(update => update.SetProperty(model => model.State, StoredState.Production), TestContext.Current.CancellationToken);
        database.Outbox.Add(OutboxMessage.For(ServiceRole.Inference, new ModelPromoted(version)));
        await database.SaveChangesAsync(TestContext.Current.CancellationToken);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>An honest dataset of plain-coloured test pictures, each a lesion of its own.</summary>
    public async Task<int> AddDatasetAsync(int number, IEnumerable<(byte[] Picture, Diagnosis Label, Split Split)> pictures)
    {
        await using var database = Database();
        var dataset = NewDataset(DatasetKind.Honest, number);
        database.Datasets.Add(dataset);
        var delivery = new Delivery { Id = Guid.CreateVersion7(), Name = "test", DeliveredBy = "test", ReceivedAt = DateTimeOffset.UtcNow };
        database.Deliveries.Add(delivery);
        await database.SaveChangesAsync(TestContext.Current.CancellationToken);
        var ordinal = 0;
        foreach (var (picture, label, split) in pictures)
        {
            var group = new LesionGroup { Id = Guid.CreateVersion7(), Split = split };
            var image = new Image
            {
                Id = Guid.CreateVersion7(),
                Sha256 = SHA256.HashData(picture),
                GroupId = group.Id,
                DeliveryId = delivery.Id,
                MediaType = "image/png",
                Width = 40,
                Height = 40,
                SizeBytes = picture.Length,
                ReceivedAt = DateTimeOffset.UtcNow,
                LabelState = LabelState.Settled,
                Label = DiagnosisSet.Of(label),
            };
            database.AddRange(
                group,
                image,
                new ImageContent { ImageId = image.Id, Bytes = picture },
                new DatasetGroup { DatasetId = dataset.Id, Kind = DatasetKind.Honest, GroupId = group.Id, Split = split },
                new DatasetItem
                {
                    DatasetId = dataset.Id,
                    Ordinal = ordinal++,
                    Kind = DatasetKind.Honest,
                    Split = split,
                    GroupId = group.Id,
                    ImageId = image.Id,
                    Label = DiagnosisSet.Of(label),
                });
        }

        await database.SaveChangesAsync(TestContext.Current.CancellationToken);
        return dataset.Id;
    }

    public async Task<int> AddReproductionAsync()
    {
        await using var database = Database();
        var dataset = NewDataset(DatasetKind.Reproduction, 99);
        database.Datasets.Add(dataset);
        await database.SaveChangesAsync(TestContext.Current.CancellationToken);
        return dataset.Id;
    }

    /// <summary>Asks again until the answer satisfies, with a deadline.</summary>
    public async Task<T> EventuallyAsync<T>(Func<Task<T>> ask, Func<T, bool> satisfies)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        var answer = await ask();
        while (!satisfies(answer))
        {
            try
            {
                await timer.WaitForNextTickAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"Not within {Patience}; the last answer was {answer}. The service's log:\n{Service.Log}");
            }

            answer = await ask();
        }

        return answer;
    }

    public Task<Model> DecidedAsync(int version) => EventuallyAsync(
        async () => await Registry.GetModelAsync(new GetModelRequest { Version = version.ToString(CultureInfo.InvariantCulture) }), model => model.PolicyDecision.Length > 0);

    /// <summary>How busy the service is.</summary>
    public async Task<ServingLoad> LoadAsync() =>
        (await Registry.GetServingStatusAsync(new GetServingStatusRequest(), cancellationToken: TestContext.Current.CancellationToken)).Load;

    /// <summary>Waits until nothing waits, nothing is computed and nothing is held.</summary>
    public Task<ServingLoad> EmptyAsync() => EventuallyAsync(LoadAsync, load => load.Equals(new ServingLoad { Lanes = load.Lanes, AllocatedBytes = load.AllocatedBytes }));

    public async Task<StatusCode> StatusAsync(ClassifyRequest request) => (await RefusalAsync(request))?.StatusCode ?? StatusCode.OK;

    public async Task<RpcException?> RefusalAsync(ClassifyRequest request)
    {
        try
        {
            await Classifier.ClassifyAsync(request, Caller(), cancellationToken: TestContext.Current.CancellationToken);
            return null;
        }
        catch (RpcException exception)
        {
            return exception;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        _channel.Dispose();
        await Service.DisposeAsync();
        await _dataSource.DisposeAsync();
    }

    private static Dataset NewDataset(DatasetKind kind, int number) => new()
    {
        Kind = kind,
        CreatedAt = DateTimeOffset.UtcNow,
        ContentHash = SHA256.HashData(BitConverter.GetBytes(number)),
        Rules = [],
        Parked = 0,
    };

    private static ModelReport Report(int datasetId, DatasetKind kind, double parityDifference) => new()
    {
        Recipe = "quick",
        RecipeVersion = 1,
        DatasetId = datasetId,
        Protocol = kind == DatasetKind.Honest ? "honest" : "leaky",
        Epochs = 1,
        Seed = 1,
        Parameters = 1,
        ClassesBefore = new int[Diagnoses.Count],
        ClassesAfter = new int[Diagnoses.Count],
        Validation = Figures,
        TestLooks = 1,
        ClassPrior = new double[Diagnoses.Count],
        Temperature = 1,
        Unsupported = [],
        ParityDifference = parityDifference,
        Findings = [],
    };

    private static SplitFigures Figures { get; } = new()
    {
        Images = 118,
        Groups = 118,
        CoarseImages = 0,
        Accuracy = 0.7,
        AccuracyInterval = new Interval(0.6, 0.8),
        BalancedAccuracy = 0.5,
        BalancedAccuracyInterval = new Interval(0, 1),
        Loss = 1,
        CalibrationErrorBefore = 0,
        CalibrationErrorAfter = 0,
        Classes = [],
        Confusion = [],
    };
}

/// <summary>One service for the tests of a class, which bring their own model versions.</summary>
/// <param name="servers">Where it finds its database and broker.</param>
/// <param name="settings">Settings of the service.</param>
public abstract class SharedStand(TestServers servers, params (string Name, string Value)[] settings) : IAsyncLifetime
{
    private InferenceStand? _stand;

    internal InferenceStand Stand => _stand ?? throw new InvalidOperationException("The service is not started yet.");

    /// <inheritdoc />
    public virtual async ValueTask InitializeAsync() => _stand = await InferenceStand.StartAsync(servers, settings);

    /// <inheritdoc />
    public virtual async ValueTask DisposeAsync()
    {
        if (_stand is not null)
        {
            await _stand.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}

/// <summary>Two replicas for the tests of a class, with a model in production.</summary>
/// <param name="servers">Where they find their database and broker.</param>
/// <param name="settings">Settings of both.</param>
public abstract class SharedReplicas(TestServers servers, params (string Name, string Value)[] settings) : SharedStand(servers, settings)
{
    private InferenceStand? _other;

    internal InferenceStand Other => _other ?? throw new InvalidOperationException("The other replica is not started yet.");

    /// <inheritdoc />
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Stand.RegisterAndPromoteAsync(TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion));
        _other = await Stand.StartReplicaAsync();
    }

    /// <inheritdoc />
    public override async ValueTask DisposeAsync()
    {
        if (_other is not null)
        {
            await _other.DisposeAsync();
        }

        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
