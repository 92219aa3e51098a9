using Melanoma.Contracts.Access;
using Melanoma.Gateway.Access;
using Melanoma.Gateway.Routing;

namespace Melanoma.UnitTests.Gateway;

public sealed class RoleTableTests
{
    [Fact]
    public void Should_have_a_row_for_each_method_when_the_contracts_declare_it() =>
        Assert.Equal(DeclaredServices.All.SelectMany(service => service.Methods).Select(method => method.FullName).Order(), RoleTable.Methods.Order());

    [Fact]
    public void Should_leave_no_method_to_nobody_when_it_names_roles() => Assert.DoesNotContain(CallerRoles.None, RoleTable.Combinations);

    [Fact]
    public void Should_ask_for_the_same_roles_over_gRPC_and_as_JSON_when_a_method_has_both() =>
        Assert.All(
            RouteTable.Routes.Where(route => route.Wire == Wire.Grpc),
            grpc => Assert.All(RouteTable.Routes.Where(json => json.Name + " gRPC" == grpc.Name), json => Assert.Equal(grpc.Roles, json.Roles)));

    [Fact]
    public void Should_let_the_hospital_alone_classify_when_other_teams_have_keys() =>
        Assert.All(
            RouteTable.Routes.Where(route => route.Name.StartsWith("melanoma.v1.Classifier.", StringComparison.Ordinal)),
            route => Assert.Equal(CallerRoles.Classify, route.Roles));

    [Fact]
    public void Should_let_whoever_only_reads_change_nothing_when_a_method_does()
    {
        string[] changing = ["Ingest", "Forget", "Create", "Start", "Cancel", "Pause", "Resume", "Promote", "Rollback", "Settle", "Exclude", "Defer", "Confirm", "Reject", "Undo", "Rotate", "Revoke"];
        var methods = DeclaredServices.All.SelectMany(service => service.Methods).Where(method => changing.Any(verb => method.Name.StartsWith(verb, StringComparison.Ordinal))).ToList();

        Assert.True(methods.Count >= changing.Length);
        Assert.All(methods, method => Assert.False(RoleTable.Of(method).HasFlag(CallerRoles.Read), method.FullName));
    }

    [Fact]
    public void Should_ask_for_a_role_on_every_route_but_the_Portals_pages_when_all_are_listed() =>
        Assert.Equal("portal", Assert.Single(RouteTable.Routes, route => route.Roles is null).Name);
}
