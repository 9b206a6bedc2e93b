// What differs between the documents of two images: manifests, configs, history.
#pragma once

#include <string_view>

#include "executor/base/status.h"
#include "executor/image/difference.h"

namespace slipway::image {

/// Media type and annotations; what a manifest says of config and layers is compared where these are.
Status DiffManifests(std::string_view first, std::string_view second, const DifferenceSink& sink);
/// All of the config but history and layers, field by field; of Env each variable.
Status DiffConfigs(std::string_view first, std::string_view second, const DifferenceSink& sink);
Status DiffHistories(std::string_view first_config, std::string_view second_config, const DifferenceSink& sink);

}  // namespace slipway::image
