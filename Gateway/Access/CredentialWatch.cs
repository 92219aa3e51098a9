using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Gateway.Access;

/// <summary>Makes the end of a credential felt at once: whichever Gateway, or command, ended it says so through the database.</summary>
internal sealed class CredentialWatch(DatabaseNotifications notifications, CredentialDirectory credentials) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(10);

    /// <summary>Tells every Gateway that a credential has ended or changed, as part of the transaction that is under way.</summary>
    public static Task TellAsync(MelanomaDbContext database, CancellationToken cancellationToken) =>
        database.Database.ExecuteSqlAsync($"SELECT pg_notify({MelanomaDatabase.CredentialsChannel}, '')", cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var ended = notifications.Subscribe(MelanomaDatabase.CredentialsChannel);
        while (!stoppingToken.IsCancellationRequested)
        {
            await ended.WaitAsync(_ => true, Look, stoppingToken);
            credentials.Forget();
        }
    }
}
