// RunEvent: something that happened in a run, as it is recorded and shown. The API's RunEvent says what the members
// mean.
#pragma once

#include <cstdint>
#include <string>

#include "executor/base/clock.h"

namespace slipway::logs {

struct RunEvent {
  /// The numbers are those of the file format: never used again.
  enum class Kind : uint8_t {
    kNote = 1,             ///< text, vertex
    kStepStarted = 2,      ///< name: the step's id
    kStepFinished = 3,     ///< name: the step's id, code, text: the error, nanos: how long
    kVertexStarted = 4,    ///< vertex, name, number
    kVertexCached = 5,     ///< vertex
    kVertexLog = 6,        ///< vertex, number: stream, text: bytes
    kVertexProgress = 7,   ///< vertex, name: what, current, total
    kVertexFinished = 8,   ///< vertex, code, text: the error
    kWarning = 9,          ///< text, name: detail, vertex
    kAttemptStarted = 10,  ///< number: which, text: why
    kDropped = 11,         ///< number: how many log events are not in the record
  };

  uint64_t sequence = 0;  ///< from 1; 0: of the moment, not recorded
  SystemTime time;
  Kind kind = Kind::kNote;
  std::string step;  ///< id of the step in whose work it happened; "" if in none
  std::string vertex;
  std::string name;
  std::string text;
  uint64_t number = 0;
  uint64_t current = 0;
  uint64_t total = 0;
  uint64_t nanos = 0;
  int code = 0;

  bool operator==(const RunEvent&) const = default;
};

}  // namespace slipway::logs
