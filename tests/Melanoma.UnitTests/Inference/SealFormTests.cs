using CsCheck;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Inference.Audit;
using Melanoma.Storage.Predictions;

namespace Melanoma.UnitTests.Inference;

public sealed class SealFormTests
{
    private static readonly Gen<string> GenText = Gen.Char["ab\0é皮"].Array[0, 4].Select(characters => new string(characters));

    private static readonly Gen<double> GenDouble = Gen.Select(Gen.Int[0, 3], Gen.Double.Unit, (kind, number) => kind switch { 0 => 0d, 1 => -0d, _ => number });

    // Few values each, so that rows that differ little are drawn often.
    private static readonly Gen<Sealed> GenSealed =
        from position in Gen.Long[1, 3]
        from sequence in Gen.Long[1, 3]
        from id in Gen.Int[0, 3]
        from time in Gen.Long[0, 3]
        from texts in GenText.Array[4]
        from reference in Gen.Bool
        from version in Gen.Int[1, 3]
        from image in Gen.Byte.Array[0, 2]
        from probabilities in GenDouble.Array[0, 3]
        from diagnosis in Gen.Int[0, 8]
        from decision in Gen.Int[0, 4]
        from reasons in GenText.Array[0, 3]
        from latency in GenDouble
        select new Sealed(position, sequence, new Prediction
        {
            Id = new Guid(id, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
            Time = DateTimeOffset.UnixEpoch.AddYears(50).AddMicroseconds(time),
            Tenant = texts[0],
            Caller = texts[1],
            CaseReference = reference ? texts[2] : null,
            ModelVersion = version,
            ExecutionProvider = texts[3],
            ImageSha256 = image,
            Probabilities = probabilities,
            Diagnosis = (Diagnosis)diagnosis,
            Decision = decision == 0 ? null : (Decision)decision,
            Reasons = reasons,
            LatencyMs = latency,
        });

    [Fact]
    public void Should_change_the_hash_when_anything_of_the_row_its_places_or_the_chain_before_it_is_another()
    {
        byte[] none = new byte[32], other = [1, .. new byte[31]];
        Gen.Select(GenSealed, GenSealed, Gen.Int[0, 14]).Sample((one, another, part) =>
        {
            // One part of the other row in the place of this row's.
            var mixed = one.With(another, part);
            var same = one.Parts().Zip(mixed.Parts()).All(pair => pair.First.SequenceEqual(pair.Second));
            Assert.Equal(same, one.Hash(none).SequenceEqual(mixed.Hash(none)));
            Assert.NotEqual(one.Hash(none), one.Hash(other));
        });
    }

    [Fact]
    public void Should_never_mix_up_where_one_field_ends_and_the_next_begins() => Gen.Select(GenSealed, GenSealed).Sample((one, another) =>
        Assert.Equal(one.Parts().Zip(another.Parts()).All(pair => pair.First.SequenceEqual(pair.Second)), one.Hash(new byte[32]).SequenceEqual(another.Hash(new byte[32]))));

    [Fact]
    public void Should_be_the_hash_that_any_other_program_computes_by_the_document()
    {
        // Computed by a program in another language from docs/audit.md alone: a form never changes.
        var row = new Prediction
        {
            Id = Guid.Parse("01947c6a-5b1e-7abc-8def-0123456789ab"),
            Time = new DateTimeOffset(2027, 1, 31, 23, 59, 59, 999, 123, TimeSpan.Zero),
            Tenant = "st-elsewhere",
            Caller = "Clinic für Haut",
            CaseReference = "case 17",
            ModelVersion = 3,
            ExecutionProvider = "CPU",
            ImageSha256 = [.. Enumerable.Range(0, 32).Select(number => (byte)number)],
            Probabilities = [0.1, 0.2, 0, 0.3, 0.05, 0.05, 0.1, 0.15, 0.05],
            Diagnosis = Diagnosis.Melanoma,
            Decision = Decision.Indeterminate,
            Reasons = ["blurred", "unfamiliar"],
            LatencyMs = 12.345,
        };

        Assert.Equal("0a28996170e59487aa2296fd24d553d88543b36515b7c28c02d41d3c51059fb2", Convert.ToHexStringLower(SealForm.Hash(SealForm.Genesis, 1, 1, row)));
    }

    private sealed record Sealed(long Position, long Sequence, Prediction Row)
    {
        public byte[] Hash(byte[] previous) => SealForm.Hash(previous, Position, Sequence, Row);

        public IEnumerable<IEnumerable<object>> Parts() =>
        [
            [Position], [Sequence], [Row.Id], [Row.Time], [Row.Tenant], [Row.Caller], Row.CaseReference is null ? [] : [Row.CaseReference], [Row.ModelVersion], [Row.ExecutionProvider],
            Row.ImageSha256.Cast<object>(), Row.Probabilities.Select(Bits), [Row.Diagnosis], Row.Decision is null ? [] : [Row.Decision], Row.Reasons, [Bits(Row.LatencyMs)],
        ];

        public Sealed With(Sealed other, int part)
        {
            T Pick<T>(int number, Func<Sealed, T> of) => of(number == part ? other : this);
            return new(Pick(0, row => row.Position), Pick(1, row => row.Sequence), new Prediction
            {
                Id = Pick(2, row => row.Row.Id),
                Time = Pick(3, row => row.Row.Time),
                Tenant = Pick(4, row => row.Row.Tenant),
                Caller = Pick(5, row => row.Row.Caller),
                CaseReference = Pick(6, row => row.Row.CaseReference),
                ModelVersion = Pick(7, row => row.Row.ModelVersion),
                ExecutionProvider = Pick(8, row => row.Row.ExecutionProvider),
                ImageSha256 = Pick(9, row => row.Row.ImageSha256),
                Probabilities = Pick(10, row => row.Row.Probabilities),
                Diagnosis = Pick(11, row => row.Row.Diagnosis),
                Decision = Pick(12, row => row.Row.Decision),
                Reasons = Pick(13, row => row.Row.Reasons),
                LatencyMs = Pick(14, row => row.Row.LatencyMs),
            });
        }

        private static object Bits(double number) => BitConverter.DoubleToInt64Bits(number);
    }
}
