// How differences of images are shown.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "slipway/v1/images.pb.h"

namespace slipway::cli {

/// One line: "~ layer 2 /etc/passwd mode: 0644 -> 0600", "- config config.Env.A: x", "+ layer 2 /new: file 0644 …".
std::string DifferenceLine(const slipway::v1::ImageDifference& difference);
/// What was compared, and how much is different.
std::string DiffEnd(const slipway::v1::DiffSummary& summary);

nlohmann::ordered_json DifferenceJson(const slipway::v1::ImageDifference& difference);
std::string DiffJson(nlohmann::ordered_json differences, const slipway::v1::DiffSummary& summary);

}  // namespace slipway::cli
