export interface Ship {
  name: string;
  tons: number;
}

export const ships: Ship[] = [
  { name: "Borealis", tons: 1200 },
  { name: "Aurora", tons: 800 },
];

export function heaviest(of: Ship[]): Ship | undefined {
  return of.reduce<Ship | undefined>((best, ship) => (best && best.tons >= ship.tons ? best : ship), undefined);
}
