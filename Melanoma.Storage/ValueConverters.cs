using Melanoma.Contracts;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Melanoma.Storage;

/// <summary>Stores a set of diagnoses as its nine bits in a <c>smallint</c>.</summary>
internal sealed class DiagnosisSetConverter() : ValueConverter<DiagnosisSet, short>(set => set.Bits, bits => new DiagnosisSet(bits));

/// <summary>Stores an enum as its lower-case name, so that rows can be read by people.</summary>
internal sealed class EnumTextConverter<TEnum>() : ValueConverter<TEnum, string>(
    value => value.ToString().ToLowerInvariant(), text => Enum.Parse<TEnum>(text, true))
    where TEnum : struct, Enum;
