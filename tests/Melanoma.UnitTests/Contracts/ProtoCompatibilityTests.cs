using Google.Api;
using Google.Protobuf.Reflection;
using Melanoma.Contracts;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Contracts;

public sealed class ProtoCompatibilityTests
{
    private static readonly FileDescriptorSet Released = ReadReleased();

    [Fact]
    public void Should_serve_every_client_of_the_last_release_when_the_protos_are_as_they_are_now()
    {
        using var current = typeof(DocumentedProtos).Assembly.GetManifestResourceStream("documented.binpb")!;

        Assert.Empty(ProtoCompatibility.Compare(Released, ProtoCompatibility.Read(current)));
    }

    [Fact]
    public void Should_complain_of_nothing_when_the_protos_only_grow()
    {
        var grown = Change(set =>
        {
            set.File.Add(new FileDescriptorProto { Name = "melanoma/v1/new.proto", Package = "melanoma.v1" });
            Message(set, "ClassifyRequest").Field.Add(new FieldDescriptorProto { Name = "new", JsonName = "new", Number = 900, Type = FieldDescriptorProto.Types.Type.String });
            Enum(set, "Decision").Value.Add(new EnumValueDescriptorProto { Name = "NEW", Number = 900 });
            Service(set, "Classifier").Method.Add(new MethodDescriptorProto { Name = "New" });
            Method(set, "ClassifyStream").Options = Routed("/v1/new");
            Message(set, "Image").NestedType.Add(new DescriptorProto { Name = "New" });
        });

        Assert.Empty(ProtoCompatibility.Compare(Released, grown));
    }

    [Fact]
    public void Should_complain_of_nothing_when_what_goes_away_is_reserved()
    {
        var reserved = Change(set =>
        {
            var message = Message(set, "ClassifyRequest");
            message.Field.Remove(Field(set, "ClassifyRequest", "top_k"));
            message.ReservedRange.Add(new DescriptorProto.Types.ReservedRange { Start = 4, End = 5 });
            message.ReservedName.Add("top_k");
            var type = Enum(set, "RunState");
            type.Value.Remove(Value(set, "RunState", "RUN_STATE_PAUSED"));
            type.ReservedRange.Add(new EnumDescriptorProto.Types.EnumReservedRange { Start = 8, End = 8 });
            type.ReservedName.Add("RUN_STATE_PAUSED");
        });

        Assert.Empty(ProtoCompatibility.Compare(Released, reserved));
    }

    public static TheoryData<string, string> Breaks => new(Mutations.Select(mutation => (mutation.Key, mutation.Value.Complaint)));

    [Theory]
    [MemberData(nameof(Breaks))]
    public void Should_complain_of_exactly_that_when_a_change_would_break_a_client(string change, string complaint) =>
        Assert.Equal([complaint], ProtoCompatibility.Compare(Mutations[change].Before ?? Released, Change(Mutations[change].Change, Mutations[change].Before)));

    [Fact]
    public void Should_complain_when_a_nested_message_loses_a_field()
    {
        var nested = Change(set => Message(set, "Image").NestedType.Add(new DescriptorProto { Name = "Inner", Field = { new FieldDescriptorProto { Name = "x", Number = 1 } } }));

        Assert.Equal(["Image.Inner.x is gone: reserve its number 1 and its name."], ProtoCompatibility.Compare(nested, Change(set => Message(set, "Image").NestedType[0].Field.Clear(), nested)));
    }

    private static FileDescriptorSet Reserving { get; } = Change(set =>
    {
        var message = Message(set, "ClassifyRequest");
        message.ReservedRange.Add(new DescriptorProto.Types.ReservedRange { Start = 100, End = 103 });
        message.ReservedName.Add("old");
        var type = Enum(set, "Decision");
        type.ReservedRange.Add(new EnumDescriptorProto.Types.EnumReservedRange { Start = 100, End = 102 });
        type.ReservedName.Add("OLD");
    });

    private static Dictionary<string, Mutation> Mutations { get; } = new()
    {
        ["file removed"] = new("melanoma/v1/predictions.proto is gone.", set => set.File.Remove(File(set, "predictions"))),
        ["package renamed"] = new("melanoma/v1/predictions.proto has another package: melanoma.v1 became melanoma.v2.", set => File(set, "predictions").Package = "melanoma.v2"),
        ["syntax changed"] = new("melanoma/v1/predictions.proto has another syntax: proto3 became editions.", set => File(set, "predictions").Syntax = "editions"),
        ["namespace changed"] = new(
            "melanoma/v1/predictions.proto has another csharp_namespace: Melanoma.Contracts.V1 became Other.", set => File(set, "predictions").Options.CsharpNamespace = "Other"),
        ["message removed"] = new("PictureQuality is gone from melanoma/v1/classifier.proto.", set => File(set, "classifier").MessageType.Remove(Message(set, "PictureQuality"))),
        ["message moved"] = new("PictureQuality is gone from melanoma/v1/classifier.proto.", set =>
        {
            File(set, "models").MessageType.Add(Message(set, "PictureQuality").Clone());
            File(set, "classifier").MessageType.Remove(File(set, "classifier").MessageType.Single(message => message.Name == "PictureQuality"));
        }),
        ["enum removed"] = new("Decision is gone from melanoma/v1/classifier.proto.", set => File(set, "classifier").EnumType.Remove(Enum(set, "Decision"))),
        ["service removed"] = new("Predictions is gone from melanoma/v1/predictions.proto.", set => File(set, "predictions").Service.Clear()),
        ["RPC removed"] = new("Classifier.Explain is gone.", set => Service(set, "Classifier").Method.Remove(Method(set, "Explain"))),
        ["field removed"] = new("ClassifyRequest.top_k is gone: reserve its number 4 and its name.", set => Message(set, "ClassifyRequest").Field.Remove(Field(set, "ClassifyRequest", "top_k"))),
        ["field removed, number reserved alone"] = new("ClassifyRequest.top_k is gone: reserve its number 4 and its name.", set =>
        {
            Message(set, "ClassifyRequest").Field.Remove(Field(set, "ClassifyRequest", "top_k"));
            Message(set, "ClassifyRequest").ReservedRange.Add(new DescriptorProto.Types.ReservedRange { Start = 4, End = 5 });
        }),
        ["field removed, name reserved alone"] = new("ClassifyRequest.top_k is gone: reserve its number 4 and its name.", set =>
        {
            Message(set, "ClassifyRequest").Field.Remove(Field(set, "ClassifyRequest", "top_k"));
            Message(set, "ClassifyRequest").ReservedName.Add("top_k");
        }),
        ["field renumbered"] = new("ClassifyRequest.top_k is gone: reserve its number 4 and its name.", set => Field(set, "ClassifyRequest", "top_k").Number = 40),
        ["field renamed"] = new("ClassifyRequest.top_k has another name: top_k became first_k.", set => Field(set, "ClassifyRequest", "top_k").Name = "first_k"),
        ["JSON name changed"] = new("ClassifyRequest.top_k has another JSON name: topK became top.", set => Field(set, "ClassifyRequest", "top_k").JsonName = "top"),
        ["type changed"] = new("ClassifyRequest.top_k has another type: Int32 became Int64.", set => Field(set, "ClassifyRequest", "top_k").Type = FieldDescriptorProto.Types.Type.Int64),
        ["message type changed"] = new(
            "ClassifyResponse.quality has another type: melanoma.v1.PictureQuality became melanoma.v1.Reason.", set => Field(set, "ClassifyResponse", "quality").TypeName = ".melanoma.v1.Reason"),
        ["label changed"] = new(
            "ClassifyResponse.reasons has another label: Repeated became Optional.", set => Field(set, "ClassifyResponse", "reasons").Label = FieldDescriptorProto.Types.Label.Optional),
        ["presence lost"] = new("ClassifyRequest.top_k has another label: explicit became Optional.", set =>
        {
            Field(set, "ClassifyRequest", "top_k").ClearProto3Optional();
            Field(set, "ClassifyRequest", "top_k").ClearOneofIndex();
        }),
        ["moved out of a oneof"] = new("ClassifyStreamResponse.refusal has another oneof: outcome became none.", set => Field(set, "ClassifyStreamResponse", "refusal").ClearOneofIndex()),
        ["moved into a oneof"] = new("ClassifyStreamResponse.key has another oneof: none became outcome.", set => Field(set, "ClassifyStreamResponse", "key").OneofIndex = 0),
        ["enum value removed"] = new(
            "RunState.RUN_STATE_PAUSED is gone: reserve its number 8 and its name.", set => Enum(set, "RunState").Value.Remove(Value(set, "RunState", "RUN_STATE_PAUSED"))),
        ["enum value renamed"] = new("RunState.RUN_STATE_PAUSED has another name: RUN_STATE_PAUSED became RUN_STATE_HELD.", set => Value(set, "RunState", "RUN_STATE_PAUSED").Name = "RUN_STATE_HELD"),
        ["request changed"] = new(
            "Classifier.Classify has another request: melanoma.v1.ClassifyRequest became melanoma.v1.ExplainRequest.", set => Method(set, "Classify").InputType = ".melanoma.v1.ExplainRequest"),
        ["response changed"] = new(
            "Classifier.Classify has another response: melanoma.v1.ClassifyResponse became melanoma.v1.ExplainResponse.", set => Method(set, "Classify").OutputType = ".melanoma.v1.ExplainResponse"),
        ["request streams"] = new(
            "Classifier.Classify has another request: melanoma.v1.ClassifyRequest became stream melanoma.v1.ClassifyRequest.", set => Method(set, "Classify").ClientStreaming = true),
        ["response streams no more"] = new("TrainingRuns.WatchRun has another response: stream melanoma.v1.Run became melanoma.v1.Run.", set => Method(set, "WatchRun").ServerStreaming = false),
        ["route changed"] = new(
            """Predictions.GetPrediction has another route: { "get": "/v1/predictions/{prediction_id}" } became { "get": "/v1/answers/{prediction_id}" }.""",
            set => Method(set, "GetPrediction").Options.GetExtension(AnnotationsExtensions.Http).Get = "/v1/answers/{prediction_id}"),
        ["verb changed"] = new(
            """Predictions.GetPrediction has another route: { "get": "/v1/predictions/{prediction_id}" } became { "post": "/v1/predictions/{prediction_id}" }.""",
            set => Method(set, "GetPrediction").Options.GetExtension(AnnotationsExtensions.Http).Post = "/v1/predictions/{prediction_id}"),
        ["body changed"] = new(
            """Classifier.Classify has another route: { "post": "/v1/classify", "body": "*" } became { "post": "/v1/classify", "body": "image" }.""",
            set => Method(set, "Classify").Options.GetExtension(AnnotationsExtensions.Http).Body = "image"),
        ["route removed"] = new(
            """Predictions.GetPrediction has another route: { "get": "/v1/predictions/{prediction_id}" } became none.""", set => Method(set, "GetPrediction").Options.ClearExtension(AnnotationsExtensions.Http)),
        ["reserved number freed"] = new("ClassifyRequest no longer reserves 100 to 102.", set => Message(set, "ClassifyRequest").ReservedRange[0].End = 102, Reserving),
        ["reserved name freed"] = new("ClassifyRequest no longer reserves the name old.", set => Message(set, "ClassifyRequest").ReservedName.Clear(), Reserving),
        ["reserved value freed"] = new("Decision no longer reserves 100 to 102.", set => Enum(set, "Decision").ReservedRange[0].Start = 101, Reserving),
        ["reserved value's name freed"] = new("Decision no longer reserves the name OLD.", set => Enum(set, "Decision").ReservedName.Clear(), Reserving),
    };

    private static FileDescriptorSet ReadReleased()
    {
        using var released = System.IO.File.OpenRead(Path.Combine(Repository.Root, "Melanoma.Contracts", "Protos", "released.binpb"));
        return ProtoCompatibility.Read(released);
    }

    private static FileDescriptorSet Change(Action<FileDescriptorSet> change, FileDescriptorSet? before = null)
    {
        var changed = (before ?? Released).Clone();
        change(changed);
        return changed;
    }

    private static MethodOptions Routed(string path)
    {
        var options = new MethodOptions();
        options.SetExtension(AnnotationsExtensions.Http, new HttpRule { Get = path });
        return options;
    }

    private static FileDescriptorProto File(FileDescriptorSet set, string name) => set.File.Single(file => file.Name == $"melanoma/v1/{name}.proto");

    private static DescriptorProto Message(FileDescriptorSet set, string name) => set.File.SelectMany(file => file.MessageType).Single(message => message.Name == name);

    private static FieldDescriptorProto Field(FileDescriptorSet set, string message, string name) => Message(set, message).Field.Single(field => field.Name == name);

    private static EnumDescriptorProto Enum(FileDescriptorSet set, string name) => set.File.SelectMany(file => file.EnumType).Single(type => type.Name == name);

    private static EnumValueDescriptorProto Value(FileDescriptorSet set, string type, string name) => Enum(set, type).Value.Single(value => value.Name == name);

    private static ServiceDescriptorProto Service(FileDescriptorSet set, string name) => set.File.SelectMany(file => file.Service).Single(service => service.Name == name);

    private static MethodDescriptorProto Method(FileDescriptorSet set, string name) => set.File.SelectMany(file => file.Service).SelectMany(service => service.Method).Single(method => method.Name == name);

    private sealed record Mutation(string Complaint, Action<FileDescriptorSet> Change, FileDescriptorSet? Before = null);
}
