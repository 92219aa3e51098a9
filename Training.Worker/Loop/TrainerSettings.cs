using TorchSharp;
using static TorchSharp.torch;

namespace Melanoma.Training.Loop;

/// <summary>What a trainer calculates on and in.</summary>
/// <param name="Precision">What convolutions calculate in while training; weights, statistics and judgement stay in single precision.</param>
/// <param name="ResidentBytes">Most bytes of decoded pictures that may lie in an accelerator's memory; with more they are sent batch by batch.</param>
internal sealed record TrainerSettings(Device Device, ScalarType Precision, long ResidentBytes)
{
    private const long DefaultResidentBytes = 8L << 30;

    public static TrainerSettings Cpu { get; } = new(CPU, ScalarType.Float32, 0);

    /// <summary>Half precision (bfloat16: the range of single precision, so that no loss has to be scaled) on accelerators, single on the CPU.</summary>
    public static TrainerSettings For(Device device) =>
        device.type == DeviceType.CPU ? Cpu with { Device = device } : new(device, ScalarType.BFloat16, DefaultResidentBytes);
}
