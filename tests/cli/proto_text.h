// Messages from text, and as text for comparisons whose failures can be read.
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace slipway::cli {

template <typename Message>
Message ParseProto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

/// `text` in the form of DebugString.
template <typename Message>
std::string ProtoText(const std::string& text) {
  return ParseProto<Message>(text).DebugString();
}

}  // namespace slipway::cli
