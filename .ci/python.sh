# shellcheck shell=bash
# A Python environment that is made once: sourced by .ci/run.

# make_venv FOLDER REQUIREMENTS: makes FOLDER where it is not there, or was made for other requirements.
make_venv() {
  local folder="$1" requirements="$2"
  if cmp -s "$requirements" "$folder/requirements.txt"; then
    echo "$folder is up to date"
    return
  fi
  # A folder that an interrupted run left half made would be found broken later.
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  python3 -m venv "$folder" || { rm -rf "$folder" && install_venv_module && python3 -m venv "$folder"; }
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$folder/requirements.txt"
}

# Debian keeps the module in a package of its own.
install_venv_module() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
  if ! command -v apt-get >/dev/null; then
    echo "python3 needs its venv module" >&2
    return 1
  fi
  "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq --no-install-recommends python3 python3-venv
}
