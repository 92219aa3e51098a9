using System.Security.Claims;
using Grpc.Core;
using Melanoma.Contracts.Access;
using Microsoft.AspNetCore.Http;

namespace Melanoma.ServiceDefaults.Callers;

/// <summary>Who calls, as the Gateway found out.</summary>
/// <param name="Name">What the audit calls it: the name of an API key, or <c>jwt:</c> and the name that a bearer token gives.</param>
/// <param name="Tenant">The owner of its credentials, for example a hospital.</param>
/// <param name="Roles">What it may do.</param>
public sealed record Caller(string Name, string Tenant, CallerRoles Roles);

/// <summary>A caller as ASP.NET Core knows users. Immutable, so that calls may share one.</summary>
public class CallerPrincipal : ClaimsPrincipal
{
    /// <summary>Makes the principal of a caller.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="scheme">How it was found out.</param>
    /// <param name="claims">What else is known of it.</param>
    public CallerPrincipal(Caller caller, string scheme, params Claim[] claims)
        : base(new ClaimsIdentity([new Claim(ClaimTypes.Name, caller.Name), .. caller.Roles.Names().Select(role => new Claim(ClaimTypes.Role, role)), .. claims], scheme)) =>
        Caller = caller;

    /// <summary>The caller.</summary>
    public Caller Caller { get; }
}

/// <summary>Asks who calls.</summary>
public static class CallerOfCall
{
    /// <summary>The caller of a gRPC call.</summary>
    /// <exception cref="InvalidOperationException">The call was let in without one.</exception>
    public static Caller GetCaller(this ServerCallContext context) => context.GetHttpContext().GetCaller();

    /// <summary>The caller of a request.</summary>
    /// <exception cref="InvalidOperationException">The request was let in without one.</exception>
    public static Caller GetCaller(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return (context.User as CallerPrincipal)?.Caller ?? throw new InvalidOperationException($"{context.Request.Path} was let in without a caller.");
    }
}
