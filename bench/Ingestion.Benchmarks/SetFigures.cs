namespace Melanoma.Ingestion.Benchmarks;

/// <summary>Milliseconds of processor time a distinct picture: of each process in the bare program and in a delivery.</summary>
internal sealed record CpuFigures(double Bare, double BarePostgres, double Sender, double Service, double Postgres);

/// <summary>Figures of one set; every rate is in distinct pictures a second.</summary>
internal sealed record SetFigures(
    string Set, double DecodeAndHash, double Copy, double BareBefore, double BareAfter, double Service, double SecondDelivery,
    int Files, int Stored, int NearDuplicates, double MegabytesAboveStart, CpuFigures Cpu)
{
    public double ServiceToBareBefore => Service / BareBefore;

    public double ServiceToBareAfter => Service / BareAfter;

    public double SecondToFirst => SecondDelivery / Service;
}
