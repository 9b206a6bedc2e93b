// What package managers of languages leave in an image: lock files and the descriptions of installed packages. As with
// os_packages.h: nothing is trusted, the caller fills in `found_in`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/attest/package.h"
#include "executor/base/status.h"

namespace slipway::attest {

/// package-lock.json, versions 1 to 3. Links into the project itself are left out.
Result<std::vector<Package>> ReadNpmLock(std::string_view text);
/// package.json of an installed package.
Result<std::vector<Package>> ReadNpmPackage(std::string_view text);
/// METADATA of a .dist-info folder, PKG-INFO of an .egg-info.
std::vector<Package> ReadPythonMetadata(std::string_view text);
/// go.mod: what is required, as it says; replacements are followed.
std::vector<Package> ReadGoMod(std::string_view text);
/// A program that Go's linker (1.18 and later) made; nothing for any other file. `program` is the whole file.
std::vector<Package> ReadGoBinary(std::string_view program);
/// Gemfile.lock.
std::vector<Package> ReadGemfileLock(std::string_view text);
/// "rake-13.0.6.gemspec": an installed gem, told by its specification's name.
std::vector<Package> ReadGemspecName(std::string_view file_name);
/// Cargo.lock.
std::vector<Package> ReadCargoLock(std::string_view text);
/// composer.lock, or installed.json of vendor/composer.
Result<std::vector<Package>> ReadComposer(std::string_view text);
/// A jar: the pom.properties that Maven puts in.
Result<std::vector<Package>> ReadJar(std::string_view bytes);

}  // namespace slipway::attest
