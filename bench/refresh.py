#!/usr/bin/env python3
"""How long a round of `sillok refresh` takes after one changed record among many.

    bench/refresh.py [--program build/release/sillok] [--records 10000] [--questions 200] [--rounds 5] [--work DIR]

Makes up records (one file each, of a few sentences) and gold questions on them, releases once, then changes one record a round. Verified
each time: exactly one record is updated, its question is marked and the new answer proposed, and all questions are asked again.
"""
import argparse
import json
import pathlib
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time

PLACES = "서울 부산 대구 인천 광주 대전 울산 세종 수원 창원 고양 용인 청주 전주 천안 안산 김해 포항 제주 평택".split()
THINGS = "밸브 펌프 압축기 변압기 보일러 냉각탑 컨베이어 절삭기 용접기 도장기 집진기 발전기 배전반 계량기 승강기 소화기 환풍기 저수조 가열로 감속기".split()
WORKS = "점검 교체 윤활 세척 보정 시험 청소 도색 절연 조임".split()


def record(number, days):
    place, thing, work = PLACES[number % 20], THINGS[number // 20 % 20], WORKS[number // 400 % 10]
    unit = f"{place} {number // 4000 + 1}공장 {thing} {number:05d}호"
    return unit, work, (f"{unit} {work} 지침\n\n{unit}의 {work} 주기는 {days}일이다.\n담당은 {place} 설비팀이며 {work} 결과를 대장에 적는다.\n"
                        f"{thing}에 이상이 있으면 운전을 멈추고 {place} 안전관리자에게 알린다.\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/sillok")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/refresh-bench"))
    a = parser.parse_args()
    shutil.rmtree(a.work, ignore_errors=True)
    files, home = a.work / "files", a.work / "home"
    files.mkdir(parents=True)

    def run(*arguments):
        done = subprocess.run([a.program, *map(str, arguments), "--home", str(home), "--json"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{arguments}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    rng = random.Random(1)
    days = [rng.randrange(10, 900) for _ in range(a.records)]
    path = lambda n: files / f"{n // 500:03d}" / f"{n:05d}.txt"
    for n in range(a.records):
        path(n).parent.mkdir(exist_ok=True)
        path(n).write_text(record(n, days[n])[2], "utf-8")
    subprocess.run([a.program, "init", "--home", str(home)], check=True, capture_output=True)
    run("add", files)
    asked = rng.sample(range(a.records), a.questions)
    gold = []
    for n in asked:
        unit, work, _ = record(n, days[n])
        gold.append({"id": f"q{n}", "question": f"{unit}의 {work} 주기는 며칠인가?", "answers": [f"{days[n]}일"], "records": [f"{n // 500:03d}/{n:05d}.txt"]})
    (home / "gold.jsonl").write_text("".join(json.dumps(g, ensure_ascii=False) + "\n" for g in gold), "utf-8")
    first = run("refresh", "--once")
    print(f"first release: answer rate {first['answer_rate']}, {first['questions']} questions, {first['seconds']:.1f} s")
    walls, cpus = [], []
    for n in asked[:a.rounds]:
        new = days[n] + 1
        path(n).write_text(record(n, new)[2], "utf-8")
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        report = run("refresh", "--once")
        walls.append(time.monotonic() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        marks = {m["id"]: m["proposed"] for m in report["superseded"]}
        if report["updated"] != 1 or marks.get(f"q{n}") != f"{new}일" or not report["release"]["promoted"]:
            sys.exit(f"not as it must be: {json.dumps(report, ensure_ascii=False)[:2000]}")
        run("refresh", "--accept", f"q{n}")
    print(f"a round after one changed record of {a.records}: median {statistics.median(walls):.2f} s wall (worst {max(walls):.2f}), "
          f"{statistics.median(cpus):.2f} s of processor time; answer rate {report['answer_rate']} on {report['questions']} questions")


if __name__ == "__main__":
    main()
