// Events of a run, written as text: Event("time { seconds: 1 } vertex_cached { vertex: 'a' }").
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "slipway/v1/events.pb.h"

namespace slipway::cli {

inline v1::RunEvent Event(const std::string& text) {
  v1::RunEvent event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  return event;
}

inline v1::RunEvent Started(int second, const std::string& vertex, const std::string& name) {
  v1::RunEvent event;
  event.mutable_time()->set_seconds(second);
  event.mutable_vertex_started()->set_vertex(vertex);
  event.mutable_vertex_started()->set_name(name);
  return event;
}

inline v1::RunEvent Finished(int second, const std::string& vertex, int code = 0, const std::string& error = "") {
  v1::RunEvent event;
  event.mutable_time()->set_seconds(second);
  event.mutable_vertex_finished()->set_vertex(vertex);
  event.mutable_vertex_finished()->set_code(code);
  event.mutable_vertex_finished()->set_error_message(error);
  return event;
}

inline v1::RunEvent Cached(const std::string& vertex) {
  v1::RunEvent event;
  event.mutable_vertex_cached()->set_vertex(vertex);
  return event;
}

inline v1::RunEvent Printed(const std::string& vertex, const std::string& data) {
  v1::RunEvent event;
  event.mutable_vertex_log()->set_vertex(vertex);
  event.mutable_vertex_log()->set_data(data);
  return event;
}

inline v1::RunEvent Counted(const std::string& vertex, const std::string& what, uint64_t current, uint64_t total) {
  v1::RunEvent event;
  event.mutable_vertex_progress()->set_vertex(vertex);
  event.mutable_vertex_progress()->set_what(what);
  event.mutable_vertex_progress()->set_current(current);
  event.mutable_vertex_progress()->set_total(total);
  return event;
}

}  // namespace slipway::cli
