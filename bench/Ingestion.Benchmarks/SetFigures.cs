namespace Melanoma.Ingestion.Benchmarks;

/// <summary>Figures of one set; every rate is in distinct pictures a second.</summary>
internal sealed record SetFigures(
    string Set, double DecodeAndHash, double Copy, double BareBefore, double BareAfter, double Service, double SecondDelivery,
    int Files, int Stored, int NearDuplicates, double MegabytesAboveStart)
{
    public double ServiceToBareBefore => Service / BareBefore;

    public double ServiceToBareAfter => Service / BareAfter;

    public double SecondToFirst => SecondDelivery / Service;
}
