# sillok_embed(FOLDER OUT): a source file with the bytes of every file below FOLDER (none if it does not exist), as
# server/assets.h wants them. NAME.gz beside NAME is its compressed form. Made at configuration, and again when a file
# of the folder changes.
function(sillok_embed folder out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder})
  file(GLOB_RECURSE files LIST_DIRECTORIES false RELATIVE ${folder} CONFIGURE_DEPENDS ${folder}/*)
  list(FILTER files EXCLUDE REGEX "\\.gz$")
  list(SORT files)
  set(arrays "")
  set(rows "")
  set(index 0)
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/${file})
    file(SHA256 ${folder}/${file} hash)
    string(SUBSTRING ${hash} 0 16 etag)
    # The assembler takes the bytes as they are: a literal of a megabyte takes the compiler seconds, this nothing.
    sillok_incbin("a${index}" ${folder}/${file} array)
    string(APPEND arrays "${array}")
    set(gzip "{}")
    if(EXISTS ${folder}/${file}.gz)
      sillok_incbin("z${index}" ${folder}/${file}.gz array)
      string(APPEND arrays "${array}")
      set(gzip "{sillok_asset_z${index}, static_cast<size_t>(sillok_asset_z${index}_end - sillok_asset_z${index})}")
    endif()
    string(APPEND rows
           "      {\"/${file}\", {sillok_asset_a${index}, static_cast<size_t>(sillok_asset_a${index}_end - sillok_asset_a${index})}, ${gzip}, \"\\\"${etag}\\\"\"},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  if(index EQUAL 0)
    set(body "Assets embedded_assets() { return {nullptr, 0}; }\n")
  else()
    set(body "Assets embedded_assets() {\n  static const Asset kAssets[] = {\n${rows}  };\n  return {kAssets, std::size(kAssets)};\n}\n")
  endif()
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
       "// Made by cmake/Embed.cmake.\n#include <iterator>\n\n#include \"server/assets.h\"\n\n${arrays}\nnamespace sillok::server {\n\n${body}\n}  // namespace sillok::server\n")
endfunction()

function(sillok_incbin name file result)
  set(symbol sillok_asset_${name})
  set(${result}
      "__asm__(\".section .rodata\\n.global ${symbol}\\n.global ${symbol}_end\\n${symbol}:\\n.incbin \\\"${file}\\\"\\n${symbol}_end:\\n.byte 0\\n.previous\\n\");\nextern \"C\" const char ${symbol}[], ${symbol}_end[];\n"
      PARENT_SCOPE)
endfunction()
