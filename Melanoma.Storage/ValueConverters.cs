using Melanoma.Contracts;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Melanoma.Storage;

/// <summary>Stores a set of diagnoses as its nine bits in a <c>smallint</c>.</summary>
internal sealed class DiagnosisSetConverter() : ValueConverter<DiagnosisSet, short>(set => set.Bits, bits => new DiagnosisSet(bits));

/// <summary>Stores an enum as its lower-case name, so that rows can be read by people.</summary>
internal sealed class EnumTextConverter<TEnum>() : ValueConverter<TEnum, string>(
    value => value.ToColumn(), text => EnumText.FromColumn<TEnum>(text))
    where TEnum : struct, Enum;
