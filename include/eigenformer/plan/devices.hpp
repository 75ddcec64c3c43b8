// Devices that models run on: memory, its bandwidth, and peaks of arithmetic by format.
//
// Peaks are dense (without sparsity) and as the named document prints them. GeForce cards halve the rate of
// 16-bit products where the sums are in FP32, which is how models are trained and run; that half stands here.
// Memory is the document's number in GB, counted as 10⁹ bytes: NVIDIA's and Apple's GB are GiB, so that 7%
// more is there than is counted on.
#pragma once

#include <eigenformer/plan/amounts.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// The numbers that a device multiplies.
enum class Arithmetic { bits_32, bits_16, bits_8 };

/// What a device can do at most.
struct Device {
  std::string_view name{};           ///< "L4-24GB": a model and its memory
  double peak_flops_per_second = 0;  ///< products of FP16 or BF16 with sums in FP32
  double bytes_per_second = 0;
  double memory_bytes = 0;
  double watts = 0;  ///< at most; 0: not stated
  std::string_view source{};
  double peak_32_bit = 0;     ///< FP32 products and sums; 0: not stated
  double peak_8_bit = 0;      ///< FP8 or INT8, whichever is faster; 0: no faster than 16 bits, or not stated
  double usable_share = 0.9;  ///< of memory, for a model; the rest goes to the runtime, fragments and buffers

  /// FLOPs for each byte at which compute and memory take the same time (Williams et al. 2009, Roofline).
  double ridge_flops_per_byte() const { return peak_flops_per_second / bytes_per_second; }

  /// FLOP/s at most by the numbers that are multiplied; 0: not stated.
  constexpr double peak(Arithmetic arithmetic) const {
    return arithmetic == Arithmetic::bits_32  ? peak_32_bit
           : arithmetic == Arithmetic::bits_8 ? (std::max)(peak_8_bit, peak_flops_per_second)
                                              : peak_flops_per_second;
  }
};

namespace detail {

inline constexpr const char* turing = "NVIDIA Turing architecture paper (FP16, FP32 sums)";
inline constexpr const char* ga102 = "NVIDIA Ampere GA102 architecture paper (FP16, FP32 sums)";
inline constexpr const char* ampere_cores = "NVIDIA product page; peaks from its cores and boost clock";
inline constexpr const char* ada = "NVIDIA Ada architecture paper (FP16, FP32 sums)";
inline constexpr const char* ada_cores = "NVIDIA product page; peaks from its cores and boost clock";
inline constexpr const char* blackwell = "NVIDIA RTX Blackwell architecture paper (FP16, FP32 sums)";

// macOS lets the GPU have two thirds of the memory of machines up to 32 GB and three quarters of larger ones
// (Metal's recommendedMaxWorkingSetSize).
inline constexpr double small_mac = 2.0 / 3, large_mac = 0.75;

// GPUs of Apple multiply FP16 as fast as FP32: 128 lanes a core, two FLOPs a clock. Apple states FLOP/s of
// M1, M1 Pro, M1 Max, M1 Ultra and M2; the others are their cores at the clock that their users measure.
inline constexpr const char* apple = "Apple press releases and technical specifications";
inline constexpr const char* apple_cores =
    "Apple technical specifications (memory); peak from GPU cores at a measured clock";

/// A machine with unified memory.
constexpr Device mac(std::string_view name, double gigabytes, double tflops, double gigabytes_per_second,
                     const char* source) {
  return {name,
          tflops * 1e12,
          gigabytes_per_second * 1e9,
          gigabytes * 1e9,
          0,
          source,
          tflops * 1e12,
          0,
          gigabytes <= 32 ? small_mac : large_mac};
}

}  // namespace detail

inline constexpr Device known_devices[] = {
    // Data centres: NVIDIA
    {"P100-16GB", 21.2e12, 732e9, 16e9, 300, "NVIDIA P100 data sheet (SXM2; FP16 sums)", 10.6e12},
    {"V100-16GB", 125e12, 900e9, 16e9, 300, "NVIDIA V100 data sheet (SXM2)", 15.7e12},
    {"V100-32GB", 125e12, 900e9, 32e9, 300, "NVIDIA V100 data sheet (SXM2)", 15.7e12},
    {"T4-16GB", 65e12, 320e9, 16e9, 70, "NVIDIA T4 data sheet", 8.1e12, 130e12},
    {"A10-24GB", 125e12, 600e9, 24e9, 150, "NVIDIA A10 data sheet", 31.2e12, 250e12},
    {"A10G-24GB", 70e12, 600e9, 24e9, 300, "NVIDIA A10G data sheet", 35e12, 140e12},
    {"A30-24GB", 165e12, 933e9, 24e9, 165, "NVIDIA A30 data sheet", 10.3e12, 330e12},
    {"A40-48GB", 149.7e12, 696e9, 48e9, 300, "NVIDIA A40 data sheet", 37.4e12, 299.3e12},
    {"A100-40GB", 312e12, 1555e9, 40e9, 400, "NVIDIA A100 data sheet (SXM4)", 19.5e12, 624e12},
    {"A100-80GB", 312e12, 2039e9, 80e9, 400, "NVIDIA A100 data sheet (SXM4)", 19.5e12, 624e12},
    {"L4-24GB", 121e12, 300e9, 24e9, 72, "NVIDIA L4 data sheet", 30.3e12, 242.5e12},
    {"L40-48GB", 181.05e12, 864e9, 48e9, 300, "NVIDIA L40 data sheet", 90.5e12, 362e12},
    {"L40S-48GB", 362.05e12, 864e9, 48e9, 350, "NVIDIA L40S data sheet", 91.6e12, 733e12},
    {"H100-80GB", 989e12, 3350e9, 80e9, 700, "NVIDIA H100 data sheet (SXM5)", 67e12, 1979e12},
    {"H100PCIe-80GB", 756e12, 2000e9, 80e9, 350, "NVIDIA H100 data sheet (PCIe)", 51e12, 1513e12},
    {"H100NVL-94GB", 835e12, 3900e9, 94e9, 400, "NVIDIA H100 NVL data sheet", 60e12, 1670e12},
    {"H200-141GB", 989e12, 4800e9, 141e9, 700, "NVIDIA H200 data sheet (SXM)", 67e12, 1979e12},
    {"B200-180GB", 2250e12, 8000e9, 180e9, 1000, "NVIDIA DGX B200 data sheet, per GPU", 75e12, 4500e12},
    // Workstations
    {"RTXA4000-16GB", 76.7e12, 448e9, 16e9, 140, "NVIDIA RTX A4000 data sheet", 19.2e12, 153.4e12},
    {"RTXA5000-24GB", 111.1e12, 768e9, 24e9, 230, "NVIDIA RTX A5000 data sheet", 27.8e12, 222.2e12},
    {"RTXA6000-48GB", 154.8e12, 768e9, 48e9, 300, "NVIDIA Ampere GA102 architecture paper", 38.7e12,
     309.7e12},
    {"RTX6000Ada-48GB", 364.2e12, 960e9, 48e9, 300, "NVIDIA RTX 6000 Ada data sheet", 91.1e12, 728.5e12},
    {"RTXPRO6000-96GB", 503.8e12, 1792e9, 96e9, 600, "NVIDIA RTX PRO 6000 Blackwell data sheet", 125e12,
     1007.6e12},
    // GeForce
    {"RTX2080Ti-11GB", 56.9e12, 616e9, 11e9, 260, detail::turing, 14.2e12, 227.7e12},
    {"RTX3060-12GB", 25.5e12, 360e9, 12e9, 170, detail::ampere_cores, 12.7e12, 101.9e12},
    {"RTX3070-8GB", 40.6e12, 448e9, 8e9, 220, detail::ga102, 20.3e12, 162.6e12},
    {"RTX3080-10GB", 59.5e12, 760e9, 10e9, 320, detail::ga102, 29.8e12, 238e12},
    {"RTX3090-24GB", 71e12, 936e9, 24e9, 350, detail::ga102, 35.6e12, 284e12},
    {"RTX3090Ti-24GB", 80e12, 1008e9, 24e9, 450, detail::ada, 40e12, 320e12},
    {"RTX4060-8GB", 30.2e12, 272e9, 8e9, 115, detail::ada_cores, 15.1e12, 120.9e12},
    {"RTX4060Ti-8GB", 44.1e12, 288e9, 8e9, 160, detail::ada_cores, 22.1e12, 176.5e12},
    {"RTX4060Ti-16GB", 44.1e12, 288e9, 16e9, 165, detail::ada_cores, 22.1e12, 176.5e12},
    {"RTX4070-12GB", 58.3e12, 504e9, 12e9, 200, detail::ada_cores, 29.1e12, 233.2e12},
    {"RTX4070Ti-12GB", 80.2e12, 504e9, 12e9, 285, detail::ada, 40.1e12, 320.7e12},
    {"RTX4080-16GB", 97.5e12, 716.8e9, 16e9, 320, detail::ada, 48.7e12, 389.9e12},
    {"RTX4090-24GB", 165.2e12, 1008e9, 24e9, 450, detail::ada, 82.6e12, 660.6e12},
    {"RTX5070-12GB", 61.7e12, 672e9, 12e9, 250, detail::blackwell, 30.9e12, 246.9e12},
    {"RTX5070Ti-16GB", 87.9e12, 896e9, 16e9, 300, detail::blackwell, 43.9e12, 351.5e12},
    {"RTX5080-16GB", 112.6e12, 960e9, 16e9, 360, detail::blackwell, 56.3e12, 450.2e12},
    {"RTX5090-32GB", 209.5e12, 1792e9, 32e9, 575, detail::blackwell, 104.8e12, 838e12},
    // AMD and Google
    {"MI210-64GB", 181e12, 1638e9, 64e9, 300, "AMD Instinct MI210 data sheet", 22.6e12},
    {"MI250X-128GB", 383e12, 3277e9, 128e9, 560, "AMD Instinct MI250X data sheet (both dies)", 47.9e12},
    {"MI300X-192GB", 1307.4e12, 5300e9, 192e9, 750, "AMD Instinct MI300X data sheet", 163.4e12, 2614.9e12},
    {"MI325X-256GB", 1307.4e12, 6000e9, 256e9, 1000, "AMD Instinct MI325X data sheet", 163.4e12, 2614.9e12},
    {"RX7900XTX-24GB", 122.8e12, 960e9, 24e9, 355, "AMD product page", 61.4e12},
    {"TPUv3", 123e12, 900e9, 32e9, 0, "Google Cloud TPU documentation, per chip"},
    {"TPUv4", 275e12, 1228e9, 32e9, 0, "Jouppi et al. 2023, per chip"},
    {"TPUv5e", 197e12, 819e9, 16e9, 0, "Google Cloud TPU documentation, per chip", 0, 393e12},
    {"TPUv5p", 459e12, 2765e9, 95e9, 0, "Google Cloud TPU documentation, per chip", 0, 918e12},
    // Apple, the largest GPU of each
    detail::mac("M1-8GB", 8, 2.6, 68.25, detail::apple),
    detail::mac("M1-16GB", 16, 2.6, 68.25, detail::apple),
    detail::mac("M1Pro-16GB", 16, 5.2, 200, detail::apple),
    detail::mac("M1Pro-32GB", 32, 5.2, 200, detail::apple),
    detail::mac("M1Max-32GB", 32, 10.4, 400, detail::apple),
    detail::mac("M1Max-64GB", 64, 10.4, 400, detail::apple),
    detail::mac("M1Ultra-64GB", 64, 20.8, 800, detail::apple),
    detail::mac("M1Ultra-128GB", 128, 20.8, 800, detail::apple),
    detail::mac("M2-8GB", 8, 3.6, 100, detail::apple),
    detail::mac("M2-16GB", 16, 3.6, 100, detail::apple),
    detail::mac("M2-24GB", 24, 3.6, 100, detail::apple),
    detail::mac("M2Pro-16GB", 16, 6.8, 200, detail::apple_cores),
    detail::mac("M2Pro-32GB", 32, 6.8, 200, detail::apple_cores),
    detail::mac("M2Max-32GB", 32, 13.6, 400, detail::apple_cores),
    detail::mac("M2Max-64GB", 64, 13.6, 400, detail::apple_cores),
    detail::mac("M2Max-96GB", 96, 13.6, 400, detail::apple_cores),
    detail::mac("M2Ultra-64GB", 64, 27.2, 800, detail::apple_cores),
    detail::mac("M2Ultra-128GB", 128, 27.2, 800, detail::apple_cores),
    detail::mac("M2Ultra-192GB", 192, 27.2, 800, detail::apple_cores),
    detail::mac("M3-8GB", 8, 3.5, 100, detail::apple_cores),
    detail::mac("M3-16GB", 16, 3.5, 100, detail::apple_cores),
    detail::mac("M3-24GB", 24, 3.5, 100, detail::apple_cores),
    detail::mac("M3Pro-18GB", 18, 6.4, 150, detail::apple_cores),
    detail::mac("M3Pro-36GB", 36, 6.4, 150, detail::apple_cores),
    detail::mac("M3Max-48GB", 48, 14.1, 400, detail::apple_cores),
    detail::mac("M3Max-64GB", 64, 14.1, 400, detail::apple_cores),
    detail::mac("M3Max-128GB", 128, 14.1, 400, detail::apple_cores),
    detail::mac("M3Ultra-96GB", 96, 28.2, 819, detail::apple_cores),
    detail::mac("M3Ultra-256GB", 256, 28.2, 819, detail::apple_cores),
    detail::mac("M3Ultra-512GB", 512, 28.2, 819, detail::apple_cores),
    detail::mac("M4-16GB", 16, 4.0, 120, detail::apple_cores),
    detail::mac("M4-24GB", 24, 4.0, 120, detail::apple_cores),
    detail::mac("M4-32GB", 32, 4.0, 120, detail::apple_cores),
    detail::mac("M4Pro-24GB", 24, 8.1, 273, detail::apple_cores),
    detail::mac("M4Pro-48GB", 48, 8.1, 273, detail::apple_cores),
    detail::mac("M4Pro-64GB", 64, 8.1, 273, detail::apple_cores),
    detail::mac("M4Max-48GB", 48, 16.2, 546, detail::apple_cores),
    detail::mac("M4Max-64GB", 64, 16.2, 546, detail::apple_cores),
    detail::mac("M4Max-128GB", 128, 16.2, 546, detail::apple_cores)};

namespace detail {

/// Letters and digits alone, small: "RTX-4090 24GB" is "rtx409024gb".
inline std::string squeezed(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const char plain = plain_letter(c);
    if ((plain >= 'a' && plain <= 'z') || (plain >= '0' && plain <= '9')) out += plain;
  }
  return out;
}

/// The same without the maker, whom people name and data sheets do not.
inline std::string device_words(std::string_view name) {
  std::string out = squeezed(name);
  for (const std::string_view maker :
       {"nvidia", "geforce", "tesla", "amd", "radeon", "instinct", "google", "apple"})
    if (const auto at = out.find(maker); at != std::string::npos && out.size() > maker.size())
      out.erase(at, maker.size());
  return out;
}

/// How well a name stands for a device; 0: not at all.
inline int match_of(const Device& device, const std::string& asked) {
  const std::string full = squeezed(device.name),
                    model = squeezed(device.name.substr(0, device.name.find('-')));
  if (asked == full) return 4;
  if (asked == model) return 3;
  for (const std::string_view series : {"rtxpro", "rtxa", "rtx", "rx"}) {  // "4090" or "A6000" for the whole
    if (!full.starts_with(series)) continue;
    const std::size_t from = series.starts_with("rtx") ? 3 : series.size();
    if (asked == full.substr(from)) return 4;
    if (asked == model.substr(from)) return 3;
  }
  return asked.size() >= 2 && full.starts_with(asked) ? 1 : 0;
}

}  // namespace detail

/// A known device: "L4-24GB", and as people write it: "RTX 4090", "rtx-4090", "4090-24GB", "Apple M2 Max
/// 64GB". The memory may be left out where the device comes with one size alone.
/// @throws InputError  for a name that several devices or none could have, with those that are near
inline const Device& device(std::string_view name) {
  const std::string asked = detail::device_words(name);
  std::vector<const Device*> found;
  int best = 1;
  for (const Device& d : known_devices) {
    const int match = asked.empty() ? 0 : detail::match_of(d, asked);
    if (match > best) found.clear();
    if (match < best) continue;
    best = match;
    found.push_back(&d);
  }
  if (found.size() == 1) return *found.front();
  const auto list = [](const std::vector<const Device*>& devices) {
    std::string text;
    for (const Device* d : devices) text += concat(text.empty() ? "" : ", ", d->name);
    return text;
  };
  const std::string given = printable(name);
  if (!found.empty() && found.size() <= 12)
    fail(InputError(
        concat("device '", given, "' could be one of ", list(found), "; give one of these names")));
  // Names that begin or end alike, or are mistyped.
  std::vector<const Device*> near;
  for (const Device& d : known_devices) {
    const std::string full = detail::squeezed(d.name),
                      model = detail::squeezed(d.name.substr(0, d.name.find('-')));
    if (asked.size() >= 3 &&
        (full.find(asked) != std::string::npos ||
         (std::min)(detail::edit_distance(full, asked), detail::edit_distance(model, asked)) <=
             (asked.size() >= 6 ? 2U : 1U) ||
         (model.size() >= 2 && asked.starts_with(model))))
      near.push_back(&d);
  }
  if (near.empty() || near.size() > 12)
    fail(InputError(concat("unknown device '", given, "', and no known name is near it")));
  fail(InputError(concat("unknown device '", given, "'; near are ", list(near))));
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
