// The values of -o/--output: "json" and "table" say how the run is printed; everything else says what becomes of the
// image, as docker has it:
//
//   type=oci|docker[,dest=FILE|-][,tar=false][,name=NAME[,name=NAME]]
//   type=tar[,dest=FILE|-]   type=local,dest=FOLDER   type=registry[,name=NAME]
//   FOLDER                   short for type=local,dest=FOLDER
//   -                        short for type=tar,dest=-
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "executor/base/status.h"
#include "slipway/v1/images.pb.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::cli {

/// One output, and where the client puts it.
struct OutputSpec {
  slipway::v1::BuildOutput request;
  slipway::v1::OutputForm form = slipway::v1::OUTPUT_FORM_ARCHIVE;
  std::string dest;  ///< "-" is standard output

  bool to_stdout() const { return dest == "-"; }
};

/// All that -o has said.
struct OutputOptions {
  OutputFormat format = OutputFormat::kNone;
  std::vector<OutputSpec> specs;
  bool push = false;               ///< type=registry
  std::vector<std::string> names;  ///< of type=registry

  bool to_stdout() const;
};

/// Adds what one value says. INVALID_ARGUMENT for what it cannot mean, alone or with the others.
Status AddOutput(std::string_view text, OutputOptions* options);

}  // namespace slipway::cli
