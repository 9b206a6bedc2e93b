#include "executor/attest/language_packages.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::attest {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Urls(const std::vector<Package>& packages) {
  std::vector<std::string> out;
  for (const Package& package : packages) out.push_back(Purl(package, {}));
  return out;
}
std::vector<std::string> Urls(const Result<std::vector<Package>>& packages) {
  EXPECT_TRUE(packages.ok()) << packages.status().message();
  return packages.ok() ? Urls(*packages) : std::vector<std::string>();
}

TEST(NpmLock, Version3) {
  const auto packages = ReadNpmLock(R"({
    "name": "app", "version": "1.0.0", "lockfileVersion": 3,
    "packages": {
      "": {"name": "app", "version": "1.0.0"},
      "node_modules/@babel/core": {"version": "7.24.0", "license": "MIT"},
      "node_modules/debug": {"version": "4.3.4"},
      "node_modules/debug/node_modules/ms": {"version": "2.1.2"},
      "node_modules/alias": {"name": "real", "version": "1.2.3"},
      "node_modules/workspace": {"resolved": "packages/workspace", "link": true},
      "packages/workspace": {"version": "0.0.1"}
    }})");
  EXPECT_THAT(Urls(packages), UnorderedElementsAre("pkg:npm/%40babel/core@7.24.0", "pkg:npm/debug@4.3.4",
                                                   "pkg:npm/ms@2.1.2", "pkg:npm/real@1.2.3"));
  EXPECT_EQ(packages->at(0).license, "MIT");
}

TEST(NpmLock, Version1) {
  EXPECT_THAT(Urls(ReadNpmLock(R"({"lockfileVersion": 1, "dependencies": {
      "debug": {"version": "4.3.4", "dependencies": {"ms": {"version": "2.1.2"}}}}})")),
              UnorderedElementsAre("pkg:npm/debug@4.3.4", "pkg:npm/ms@2.1.2"));
}

TEST(NpmLock, WrongTypesAndDepthsDoNoHarm) {
  EXPECT_TRUE(Urls(ReadNpmLock(R"({"packages": {"node_modules/x": 1, "node_modules/y": {"version": {}}}})")).empty());
  EXPECT_TRUE(Urls(ReadNpmLock(R"({"dependencies": []})")).empty());
  EXPECT_EQ(ReadNpmLock("[").code(), Code::kInvalidArgument);
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += R"({"dependencies":{"a":)";
  EXPECT_EQ(ReadNpmLock(deep + std::string(2000, '}')).code(), Code::kInvalidArgument);
}

TEST(NpmPackage, AnInstalledOne) {
  EXPECT_THAT(Urls(ReadNpmPackage(R"({"name": "@types/node", "version": "20.1.0", "license": {"type": "MIT"}})")),
              ElementsAre("pkg:npm/%40types/node@20.1.0"));
  EXPECT_TRUE(Urls(ReadNpmPackage(R"({"type": "module"})")).empty());
}

TEST(Python, HeadersUntilTheDescription) {
  const auto packages = ReadPythonMetadata(
      "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nLicense: Apache 2.0\n\nName: other\nVersion: 9\n");
  EXPECT_THAT(Urls(packages), ElementsAre("pkg:pypi/requests@2.31.0"));
  EXPECT_EQ(packages[0].license, "Apache 2.0");
}

TEST(GoMod, RequiredAndReplaced) {
  EXPECT_THAT(Urls(ReadGoMod("module example.com/app // the project itself\n"
                             "\n"
                             "go 1.21\n"
                             "require github.com/pkg/errors v0.9.1\n"
                             "require (\n"
                             "\tgolang.org/x/sys v0.15.0 // indirect\n"
                             "\texample.com/local v1.0.0\n"
                             "\texample.com/fork v1.0.0\n"
                             ")\n"
                             "replace example.com/local => ../local\n"
                             "replace (\n"
                             "\texample.com/fork v1.0.0 => github.com/me/fork v1.0.1\n"
                             ")\n")),
              UnorderedElementsAre("pkg:golang/github.com/pkg/errors@v0.9.1", "pkg:golang/golang.org/x/sys@v0.15.0",
                                   "pkg:golang/github.com/me/fork@v1.0.1"));
}

std::string Length(size_t size) {
  std::string out;
  for (; size >= 0x80; size >>= 7) out.push_back(static_cast<char>(size | 0x80));
  out.push_back(static_cast<char>(size));
  return out;
}

// A program as Go's linker of 1.18 and later makes it, as far as a reader of its modules looks.
std::string GoProgram(const std::string& modules) {
  const std::string mark(16, '\x30');
  const std::string list = mark + modules + mark;
  std::string out = std::string("\x7f") + "ELF" + std::string(1020, '\0');
  out += "\xff Go buildinf:";
  out += '\x08';
  out += '\x02';
  out += std::string(16, '\0');
  return out + Length(8) + "go1.21.5" + Length(list.size()) + list + std::string(100, 'x');
}

TEST(GoBinary, ModulesItWasBuiltFrom) {
  EXPECT_THAT(Urls(ReadGoBinary(GoProgram("path\texample.com/app\n"
                                          "mod\texample.com/app\tv1.2.3\th1:abc=\n"
                                          "dep\tgithub.com/pkg/errors\tv0.9.1\th1:def=\n"
                                          "dep\texample.com/fork\tv1.0.0\n"
                                          "=>\tgithub.com/me/fork\tv1.0.1\th1:ghi=\n"
                                          "build\t-compiler=gc\n"))),
              ElementsAre("pkg:golang/stdlib@1.21.5", "pkg:golang/example.com/app@v1.2.3",
                          "pkg:golang/github.com/pkg/errors@v0.9.1", "pkg:golang/github.com/me/fork@v1.0.1"));
}

TEST(GoBinary, OthersAndDamagedOnesGiveNothing) {
  EXPECT_TRUE(ReadGoBinary("").empty());
  EXPECT_TRUE(ReadGoBinary("#!/bin/sh\n").empty());
  EXPECT_TRUE(ReadGoBinary(std::string("\x7f") + "ELF" + std::string(5000, '\0')).empty());
  const std::string whole = GoProgram("dep\tgithub.com/pkg/errors\tv0.9.1\th1:def=\n");
  for (size_t size = 1000; size < 1100; ++size) ReadGoBinary(whole.substr(0, size));
  std::string endless = whole;
  endless.replace(1056, 9, std::string(9, '\xff'));
  EXPECT_TRUE(ReadGoBinary(endless).empty());
}

TEST(Gems, LockFileAndSpecifications) {
  EXPECT_THAT(Urls(ReadGemfileLock("GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (3.0.8)\n"
                                   "    rails (7.1.2)\n      rack (>= 2.2.4)\n\nPLATFORMS\n  x86_64-linux\n\n"
                                   "DEPENDENCIES\n  rails (= 7.1.2)\n")),
              ElementsAre("pkg:gem/rack@3.0.8", "pkg:gem/rails@7.1.2"));
  EXPECT_THAT(Urls(ReadGemspecName("net-http-0.3.2.gemspec")), ElementsAre("pkg:gem/net-http@0.3.2"));
  EXPECT_TRUE(ReadGemspecName("README.md").empty());
  EXPECT_TRUE(ReadGemspecName("nothing.gemspec").empty());
}

TEST(Cargo, WhatComesFromElsewhere) {
  EXPECT_THAT(Urls(ReadCargoLock("version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n"
                                 "dependencies = [\n \"serde\",\n]\n\n[[package]]\nname = \"serde\"\n"
                                 "version = \"1.0.195\"\n"
                                 "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n"
                                 "checksum = \"63261df402c67811e9ac6def069e4786148c4563f4b50fd4bf30aa370d626b02\"\n")),
              ElementsAre("pkg:cargo/serde@1.0.195"));
  EXPECT_TRUE(ReadCargoLock("[[package]]\nname = \"\nversion = \"").empty());
}

TEST(Composer, LockAndBothKindsOfInstalled) {
  const std::string item = R"({"name": "monolog/monolog", "version": "3.5.0", "license": ["MIT"]})";
  for (const std::string& text : {"{\"packages\": [" + item + "]}", "[" + item + "]"}) {
    const auto packages = ReadComposer(text);
    EXPECT_THAT(Urls(packages), ElementsAre("pkg:composer/monolog/monolog@3.5.0"));
    EXPECT_EQ(packages->at(0).license, "MIT");
  }
  EXPECT_EQ(ReadComposer("").code(), Code::kInvalidArgument);
}

std::string Zip(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string out(64 << 10, '\0');
  size_t used = 0;
  archive* zip = ::archive_write_new();
  ::archive_write_set_format_zip(zip);
  ::archive_write_open_memory(zip, out.data(), out.size(), &used);
  for (const auto& [name, content] : files) {
    archive_entry* entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, name.c_str());
    ::archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    ::archive_entry_set_filetype(entry, AE_IFREG);
    ::archive_entry_set_perm(entry, 0644);
    ::archive_write_header(zip, entry);
    ::archive_write_data(zip, content.data(), content.size());
    ::archive_entry_free(entry);
  }
  ::archive_write_close(zip);
  ::archive_write_free(zip);
  out.resize(used);
  return out;
}

TEST(Jar, MavensCoordinates) {
  const std::string jar = Zip({{"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n"},
                               {"META-INF/maven/org.slf4j/slf4j-api/pom.properties",
                                "#Created by Apache Maven\nversion=2.0.9\ngroupId=org.slf4j\nartifactId=slf4j-api\n"},
                               {"org/slf4j/Logger.class", "\xca\xfe\xba\xbe"}});
  EXPECT_THAT(Urls(ReadJar(jar)), ElementsAre("pkg:maven/org.slf4j/slf4j-api@2.0.9"));
  EXPECT_FALSE(ReadJar("no zip at all").ok());
  for (size_t size = 0; size < jar.size(); size += 7) ReadJar(std::string_view(jar).substr(0, size)).status().Ignore();
}

}  // namespace
}  // namespace slipway::attest
