#include "executor/oci/platform.h"

#include <gtest/gtest.h>

namespace slipway::oci {
namespace {

std::string Text(const std::string& text) {
  const auto platform = Platform::Parse(text);
  return platform.ok() ? platform->ToString() : "error";
}

Platform P(const std::string& text) { return *Platform::Parse(text); }

TEST(Platform, NamesAreNormalised) {
  EXPECT_EQ(Text("linux/amd64"), "linux/amd64");
  EXPECT_EQ(Text("Linux/x86_64"), "linux/amd64");
  EXPECT_EQ(Text("linux/amd64/v1"), "linux/amd64");
  EXPECT_EQ(Text("linux/amd64/v3"), "linux/amd64/v3");
  EXPECT_EQ(Text("linux/aarch64"), "linux/arm64");
  EXPECT_EQ(Text("linux/arm64/v8"), "linux/arm64");
  EXPECT_EQ(Text("linux/arm"), "linux/arm/v7");
  EXPECT_EQ(Text("linux/arm/6"), "linux/arm/v6");
  EXPECT_EQ(Text("linux/armhf"), "linux/arm/v7");
  EXPECT_EQ(Text("linux/armel"), "linux/arm/v6");
  EXPECT_EQ(Text("linux/i386"), "linux/386");
  EXPECT_EQ(Text("macos/arm64"), "darwin/arm64");
}

TEST(Platform, OnePartIsAnArchitectureOrASystem) {
  EXPECT_EQ(Text("s390x"), "linux/s390x");
  EXPECT_EQ(Text("x86_64"), "linux/amd64");
  EXPECT_EQ(P("freebsd").os, "freebsd");
  EXPECT_EQ(P("linux").os, "linux");
  EXPECT_EQ(P("linux").architecture, Platform::Host().architecture);
}

TEST(Platform, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux//v1", "linux/am d64", "plan10/amd64", "amd46"}) {
    EXPECT_EQ(Platform::Parse(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(Platform, AnUnsetVariantFitsAndAnotherDoesNot) {
  EXPECT_TRUE(P("linux/arm64").Matches(P("linux/arm64/v8")));
  EXPECT_TRUE(P("linux/amd64").Matches(P("linux/amd64")));
  EXPECT_FALSE(P("linux/arm/v6").Matches(P("linux/arm/v7")));
  EXPECT_FALSE(P("linux/amd64").Matches(P("linux/arm64")));
  EXPECT_FALSE(P("linux/amd64").Matches(P("windows/amd64")));
  EXPECT_TRUE(P("linux/amd64/v2").Matches(P("linux/amd64")));
}

TEST(Platform, HostIsNormalised) { EXPECT_EQ(Platform::Host(), Platform::Host().Normalized()); }

}  // namespace
}  // namespace slipway::oci
