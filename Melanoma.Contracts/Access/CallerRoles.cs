namespace Melanoma.Contracts.Access;

/// <summary>What a caller may do. Roles do not contain each other: a key has each that it needs.</summary>
[Flags]
public enum CallerRoles
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A hospital's system: classifies, explains, fetches its answers again and gives feedback on them.</summary>
    Classify = 1,

    /// <summary>The data team: delivers images, settles labels, makes datasets.</summary>
    Data = 2,

    /// <summary>The ops team: runs, models, keys, queues, the audit.</summary>
    Ops = 4,

    /// <summary>
    /// For the installation's own people who change nothing: looks at the catalogue, runs, datasets and models, and at its own tenant's answers; never at the pictures
    /// themselves, nor at what hospitals say of them.
    /// </summary>
    Read = 8,

    /// <summary>Every role.</summary>
    All = Classify | Data | Ops | Read,
}

/// <summary>Names of roles, as people and tokens write them.</summary>
public static class CallerRoleNames
{
    private static readonly (CallerRoles Role, string Name)[] Each =
        [(CallerRoles.Classify, "classify"), (CallerRoles.Data, "data"), (CallerRoles.Ops, "ops"), (CallerRoles.Read, "read")];

    /// <summary>The names of these roles in a fixed order: <c>["classify", "read"]</c>.</summary>
    public static string[] Names(this CallerRoles roles) => [.. Each.Where(each => roles.HasFlag(each.Role)).Select(each => each.Name)];

    /// <summary>The role of a name; <see cref="CallerRoles.None"/> for a name that is none.</summary>
    public static CallerRoles Of(string name) => Each.FirstOrDefault(each => each.Name == name).Role;

    /// <summary>The roles of these names; those that are none are left out.</summary>
    public static CallerRoles Of(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        return names.Aggregate(CallerRoles.None, (roles, name) => roles | Of(name));
    }
}
